#include <powerconsul/probes/process/observers.hpp>

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <string_view>

#include "../made_up_proc.hpp"

using namespace powerconsul;
using namespace std::string_view_literals;

namespace {

using table = process_table<testing::memory_files&>;

auto parts(made_up_proc& proc, bool others_match = true) -> result<std::map<std::uint32_t, attendance>> {
    auto read = table::read(proc.files);
    REQUIRE(read);
    const auto found = find_observers(*read, [&](const process&, const std::string&) { return result{others_match}; });
    if (!found) return unexpected{found.error()};
    std::map<std::uint32_t, attendance> all;
    for (std::size_t i = 0; i < found->size(); ++i) all.emplace(read->processes()[i].pid, (*found)[i]);
    return all;
}

}  // namespace

static_assert(is_consul_agent("consul\0agent\0-dev\0"sv) && is_consul_agent("/opt/bin/consul\0agent"sv));
static_assert(!is_consul_agent("consul\0exec\0agent\0"sv) && !is_consul_agent("consul-agent\0"sv));
static_assert(!is_consul_agent("sh\0consul agent\0"sv) && !is_consul_agent(""sv));

TEST_CASE("checks, what they start and what has started them take part") {
    made_up_proc proc;
    const auto sh = "sh\0-c\0powerconsul check service; true\0"sv;
    proc.add({.pid = 210, .parent = 200, .name = "own child", .arguments = "x\0"sv});
    proc.add({.pid = 300, .name = "cron", .arguments = "/usr/sbin/cron\0"sv});
    proc.add({.pid = 310, .parent = 300, .name = "sh", .arguments = sh});
    proc.add({.pid = 320, .parent = 310, .name = "powerconsul", .arguments = "powerconsul\0check\0service\0"sv});
    proc.add({.pid = 330, .parent = 320, .name = "sh", .arguments = "sh\0status\0"sv});
    proc.add({.pid = 340, .parent = 310, .name = "beside", .arguments = "beside\0"sv});
    proc.add({.pid = 400, .name = "powerconsul", .arguments = "powerconsul\0watch\0critical\0"sv});
    proc.add({.pid = 410, .parent = 400, .name = "work", .arguments = "work\0"sv});
    using enum attendance;
    auto all = parts(proc);
    REQUIRE(all);
    const std::map<std::uint32_t, attendance> expected{
        {1, perhaps},   {100, perhaps}, {200, certain}, {210, certain}, {300, perhaps}, {310, certain},
        {320, certain}, {330, certain}, {340, none},    {400, none},    {410, none},
    };
    CHECK(*all == expected);
    // Whose own words are not looked for has passed nothing on.
    all = parts(proc, false);
    REQUIRE(all);
    CHECK(all->at(300) == none);
    CHECK(all->at(310) == none);
    CHECK(all->at(320) == certain);
    CHECK(all->at(330) == certain);
    CHECK(all->at(100) == perhaps);
    // Nobody above Consul's agent was started for a check.
    proc.add({.pid = 100, .name = "consul", .arguments = "consul\0agent\0"sv});
    proc.add({.pid = 300, .parent = 100, .name = "timeout", .arguments = "timeout\0009\0"sv});
    all = parts(proc);
    REQUIRE(all);
    CHECK(all->at(1) == none);
    CHECK(all->at(100) == none);
    CHECK(all->at(300) == perhaps);
}

TEST_CASE("what holds this process's arguments was started to run it") {
    struct row {
        std::string_view own;
        std::string_view starter;
        attendance expected;
    };
    const row rows[] = {
        {"self\0a\0b c\0"sv, "timeout\0009\0self\0a\0b c\0"sv, attendance::certain},
        {"self\0a\0b c\0"sv, "sh\0-c\0other a b c\0"sv, attendance::certain},
        {"self\0a\0b c\0"sv, "sh\0-c\0other a 'b c'\0"sv, attendance::perhaps},
        {"self\0a\0b c\0"sv, "agent\0a\0b\0"sv, attendance::perhaps},
        {"self\0"sv, "agent\0self\0"sv, attendance::perhaps},
        {"self"sv, "agent\0self\0"sv, attendance::perhaps},
        {""sv, "agent\0self\0"sv, attendance::perhaps},
    };
    for (const auto& each : rows) {
        CAPTURE(each.starter);
        made_up_proc proc;
        proc.add({.pid = 100, .name = "starter", .arguments = each.starter});
        proc.files.put("/proc/self/cmdline", each.own);
        const auto all = parts(proc);
        REQUIRE(all);
        CHECK(all->at(100) == each.expected);
    }
}

TEST_CASE("what cannot be read is an error") {
    for (const std::string path : {"/proc/self/cmdline", "/proc/100/cmdline", "/proc/300/cmdline"}) {
        CAPTURE(path);
        made_up_proc proc;
        proc.add({.pid = 300, .name = "powerconsul", .arguments = "powerconsul\0check\0"sv});
        proc.files.fail_on(path, {errc::io, "no right"});
        CHECK_FALSE(parts(proc));
    }
}
