#include <doctest/doctest.h>

// What else an embedder may include must have other names.
#include <powerconsul/adapters/posix/machine.hpp>
#include <powerconsul/embedding/posix.hpp>

using namespace powerconsul;

static_assert(host<this_machine>);

TEST_CASE("A machine whose agent does not answer gives an unknown") {
    auto agent = make_http_transport({.address = "127.0.0.1:1"});
    REQUIRE(agent);
    this_machine here{*std::move(agent)};
    const auto report = checks::run(here, checks::service{.name = "cron"}, "web", {.state_dir = "/dev/null/state"});
    CHECK(report.state == verdict::unknown);
    CHECK(report.why.find("cannot reach Consul at http://127.0.0.1:1") != std::string::npos);
}

TEST_CASE("An address that cannot be used is refused before anything is asked") {
    const auto agent = make_http_transport({.address = "ftp://consul"});
    REQUIRE_FALSE(agent);
    CHECK(agent.error().code == errc::configuration);
}
