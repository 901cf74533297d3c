#include <powerconsul/ports/host.hpp>

#include <doctest/doctest.h>

#include <string>

#include <powerconsul/testing/fakes.hpp>

using namespace powerconsul;

namespace {

/// A host as far as it goes: each of these lacks one thing or has it wrong.
struct without_a_log {
    testing::fake_transport consul{};
    testing::manual_clock clock{};
    testing::memory_files files{};
    testing::fake_executor programs{};
    testing::fake_supervisor jobs{};
    testing::fake_units units{};
    testing::memory_accounts users{};
    testing::fake_network network{};
    testing::fake_network web{};
    sequential_runner tasks{};
    std::string name{};
};

struct with_a_log : without_a_log {
    no_event_log log{};
};

struct with_a_clock_that_cannot_wait : with_a_log {
    struct {
        [[nodiscard]] auto monotonic() const -> milliseconds { return {}; }
        [[nodiscard]] auto wall() const -> milliseconds { return {}; }
    } clock{};
};

struct of_references {
    testing::fake_transport& consul;
    testing::manual_clock& clock;
    testing::memory_files& files;
    testing::fake_executor& programs;
    testing::fake_supervisor& jobs;
    testing::fake_units& units;
    testing::memory_accounts& users;
    testing::recording_log& log;
    testing::fake_network& network;
    testing::fake_network& web;
    sequential_runner& tasks;
    const std::string& name;
};

static_assert(host<with_a_log>);
static_assert(host<of_references>);
static_assert(!host<without_a_log>);
static_assert(!host<with_a_clock_that_cannot_wait>);
static_assert(!host<int>);

}  // namespace

TEST_CASE("a fake machine's clock stands still until somebody sleeps") {
    testing::fake_host<> here;
    const auto before = here.clock.wall();
    here.clock.sleep(seconds(3));
    CHECK(here.clock.wall() == before + seconds(3));
}
