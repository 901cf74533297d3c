#include <powerconsul/adapters/posix/host.hpp>

#include <doctest/doctest.h>

#include <powerconsul/adapters/any_transport.hpp>
#include <powerconsul/adapters/posix/log.hpp>
#include <powerconsul/testing/fakes.hpp>

using namespace powerconsul;

static_assert(host<posix_host<testing::fake_transport>>);
static_assert(host<posix_host<any_transport, posix_log&, testing::fake_units>>);

TEST_CASE("this machine has its clock, its files, and what it was given") {
    testing::fake_transport agent;
    agent.on(http_method::get, "/v1/status/leader", 200, "\"127.0.0.1:8300\"");
    posix_log log{{}};
    posix_host<testing::fake_transport, posix_log&> here{std::move(agent), log};
    CHECK(here.consul.perform({http_method::get, "/v1/status/leader"})->status == 200);
    CHECK(&here.log == &log);
    const auto self = here.files.status("/proc/self");
    REQUIRE(self);
    CHECK(*self);
    const auto before = here.clock.monotonic();
    here.clock.sleep({2});
    CHECK(here.clock.monotonic() - before >= milliseconds{1});
    const auto done = here.programs.run({.argv = {"/bin/true"}});
    REQUIRE(done);
    CHECK(done->exited_with(0));
}
