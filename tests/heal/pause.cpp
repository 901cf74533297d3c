#include <powerconsul/heal/pause.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <powerconsul/consul/client.hpp>
#include <powerconsul/testing/memory_files.hpp>

#include "../world.hpp"

using namespace powerconsul;
using testing::manual_clock;
using testing::memory_files;

namespace {

constexpr milliseconds now{1'796'058'000'000};  // 2026-11-30T17:00:00Z
constexpr std::string_view kept =
    R"({"until":"2026-11-30T19:00:00.000Z","since":"2026-11-30T17:00:00.000Z","by":"anna@web1","why":"kernel update"})"
    "\n";
constexpr std::string_view said = "paused until 2026-11-30 19:00 UTC (2 h left) by anna@web1: kernel update";

auto replaced(std::string_view from, std::string_view to) -> std::string {
    std::string text{kept};
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

auto file(std::uint32_t user, std::uint32_t mode, file_kind kind = file_kind::regular) -> file_status {
    return {.kind = kind, .mode = mode, .uid = user, .gid = user};
}

}  // namespace

TEST_CASE("a pause is kept as a text that people can read and write") {
    const pause_record made{now + seconds(7200), now, "anna@web1", "kernel update"};
    CHECK(json::encode_pause(made) == kept);
    const auto read = json::decode_pause(kept);
    REQUIRE(read);
    CHECK(*read == made);
    const auto by_hand = json::decode_pause(
        R"({"why": "kernel update", "by": "anna@web1", "since": "2026-11-30 18:00+01:00", "until": "2026-11-30T20:00+01:00"})");
    REQUIRE(by_hand);
    CHECK(*by_hand == made);
    const pause_record odd{now + seconds(1), now, "\"\\", "a\nb\x1B[2J\xC3\xBC"};
    CHECK(json::decode_pause(json::encode_pause(odd)).value_or(made) == odd);
    const pause_record longest{now + longest_pause, now, "a", "b"};
    CHECK(json::decode_pause(json::encode_pause(longest)).value_or(made) == longest);
}

TEST_CASE("what is no pause is refused with its place") {
    struct row {
        std::string_view name;
        std::string text;
        std::string_view message;
    };
    const row rows[] = {
        {"nothing", "", "not valid JSON at line 1, column 1 (byte 0): it is empty; expected one value"},
        {"a list", "[]", "the pause at line 1, column 1 (byte 0): expected an object, found a list"},
        {"null", "null", "the pause at line 1, column 1 (byte 0): expected an object, found null"},
        {"an empty object", "{}", "the pause at line 1, column 1 (byte 0): until is missing"},
        {"no reason", replaced(R"(,"why":"kernel update")", ""),
         "the pause at line 1, column 1 (byte 0): why is missing"},
        {"a member too many", replaced(R"("by")", R"("for":"2h","by")"),
         "for at line 1, column 72 (byte 71): there is no such member of a pause"},
        {"a member twice", replaced(R"("by")", R"("until":"2026-11-30T18:00:00Z","by")"),
         "until at line 1, column 72 (byte 71): the name comes twice"},
        {"an author that is a number", replaced(R"("anna@web1")", "5"),
         "by at line 1, column 77 (byte 76): expected a text, found a number"},
        {"an empty reason", replaced("kernel update", ""),
         "why at line 1, column 95 (byte 94): expected a text, found an empty one"},
        {"an end that is a number", replaced(R"("2026-11-30T19:00:00.000Z")", "1796065200"),
         "until at line 1, column 10 (byte 9): expected a text, found a number"},
        {"an end without an offset", replaced("19:00:00.000Z", "19:00:00"),
         R"(until at line 1, column 10 (byte 9): expected a time such as 2026-11-30T19:00:00Z, )"
         R"(found "2026-11-30T19:00:00")"},
        {"an end that is no time", replaced("2026-11-30T19:00:00.000Z", "tomorrow"),
         R"(until at line 1, column 10 (byte 9): expected a time such as 2026-11-30T19:00:00Z, found "tomorrow")"},
        {"an end at its beginning", replaced("19:00:00", "17:00:00"),
         "until at line 1, column 10 (byte 9): expected a time behind since, at most 30 days later"},
        {"an end a millisecond too late", replaced("2026-11-30T19:00:00.000Z", "2026-12-30T17:00:00.001Z"),
         "until at line 1, column 10 (byte 9): expected a time behind since, at most 30 days later"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto read = json::decode_pause(row.text);
        REQUIRE_FALSE(read);
        CHECK(read.error().code == errc::bad_data);
        CHECK(read.error().message == row.message);
    }
    CHECK_FALSE(json::decode_pause(std::string(100'000, '[')));
}

TEST_CASE("what is left is rounded, so that it seldom changes") {
    struct row {
        std::int64_t seconds;
        std::string_view text;
    };
    const row rows[] = {
        {-1, "over"},
        {0, "over"},
        {1, "less than a minute left"},
        {59, "less than a minute left"},
        {60, "1 min left"},
        {89, "1 min left"},
        {90, "2 min left"},
        {600, "10 min left"},
        {629, "10 min left"},
        {14 * 60, "10 min left"},
        {16 * 60, "20 min left"},
        {54 * 60, "50 min left"},
        {55 * 60, "1 h left"},
        {3600, "1 h left"},
        {5399, "1 h left"},
        {7199, "2 h left"},
        {7200, "2 h left"},
        {47 * 3600, "47 h left"},
        {48 * 3600, "2 d left"},
        {30 * 86'400, "30 d left"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.seconds);
        CHECK(left_text(seconds(row.seconds)) == row.text);
    }
    // A worker that looks every second of a day tells it few times.
    int changes = 0;
    for (std::int64_t left = 86'400; left > 0; --left) {
        changes += left_text(seconds(left)) == left_text(seconds(left - 1)) ? 0 : 1;
    }
    CHECK(changes < 40);
}

TEST_CASE("a time is told in UTC, with seconds where there are any") {
    CHECK(clock_text(now) == "2026-11-30 17:00 UTC");
    CHECK(clock_text(now + seconds(5)) == "2026-11-30 17:00:05 UTC");
}

TEST_CASE("a pause holds until its end") {
    CHECK(pause_reason(kept, "/a", "x", now) == std::string{said} + " (/a)");
    CHECK(pause_reason(kept, "/a", "x", now + seconds(7200) - milliseconds{1}) ==
          "paused until 2026-11-30 19:00 UTC (less than a minute left) by anna@web1: kernel update (/a)");
    CHECK(pause_reason(kept, "/a", "x", now + seconds(7200)).empty());
    // A clock that was set back: it holds for longer rather than not at all.
    CHECK(pause_reason(kept, "/a", "x", now - seconds(7200)).starts_with("paused until"));
    CHECK(pause_reason(replaced("kernel", R"(\u001b[2J\nkernel\u202e)"), "/a", "x", now) ==
          "paused until 2026-11-30 19:00 UTC (2 h left) by anna@web1: [2J kernel\xEF\xBF\xBD update (/a)");
    CHECK(
        pause_reason("soon", "pauses/production/web", "powerconsul resume web", now) ==
        R"(the pause pauses/production/web holds, since it cannot be read: not valid JSON at line 1, column 1 (byte 0): )"
        R"(expected a value, found "soon"; powerconsul resume web removes it)");
}

TEST_CASE("where pauses are kept") {
    CHECK(pause_key({.host = "production-web1"}, "web").value_or("") == "pauses/production/web");
    CHECK(pause_key({.host = "production-web1"}, all_services).value_or("") == "pauses/production/_all");
    CHECK(pause_key({.host = "production-web1", .environment = "staging"}, "web").value_or("") == "pauses/staging/web");
    CHECK(pause_file("/state", "a/b") == "/state/pause-a%2Fb.json");
    const auto nameless = pause_key({.host = "localhost"}, "web");
    REQUIRE_FALSE(nameless);
    CHECK(nameless.error().remedy == "environment");
    CHECK(nameless.error().code == errc::usage);
    for (const std::string_view service : {"", "a/b", ".."}) CHECK_FALSE(pause_key({.host = "a-b1"}, service));
    CHECK_FALSE(pause_key({.host = "a-b1", .environment = "a/b"}, "web"));
}

TEST_CASE("a pause in Consul of the service or of all holds") {
    store held{{.node = "production-web1", .datacenter = "hq"}};
    world::recorded_store consul{held};
    manual_clock clock;
    const auto hold = [&](std::string_view service, identity who = {.host = "production-web1"}) {
        consul_client<world::recorded_store&, manual_clock&> client{consul, clock, seconds(10)};
        return pause_hold(client, who, service, now);
    };
    const auto reason = [&](std::string_view service) {
        const auto told = hold(service);
        REQUIRE(told);
        return *told;
    };
    CHECK(reason("web").empty());
    // A stale answer would let something act on what somebody has just paused.
    CHECK(world::targets(consul.requests) == std::vector<std::string>{"/v1/kv/pauses/production/web?consistent",
                                                                      "/v1/kv/pauses/production/_all?consistent"});
    held.put("hq", "pauses/production/web", kept);
    held.put("hq", "pauses/staging/_all", kept);
    CHECK(reason("web") == std::string{said} + " (pauses/production/web)");
    CHECK(reason("mail").empty());
    held.put("hq", "pauses/production/_all", replaced("anna", "bert"));
    CHECK(reason("mail") ==
          "paused until 2026-11-30 19:00 UTC (2 h left) by bert@web1: kernel update (pauses/production/_all)");
    CHECK(reason("web").find("anna") != std::string::npos);
    held.put("hq", "pauses/production/web", replaced("19:00", "17:00:00"));
    CHECK(reason("web").find("pauses/production/web holds, since it cannot be read") != std::string::npos);
    held.put("hq", "pauses/production/web",
             "{\"until\":\"2026-11-30T17:00:00Z\",\"since\":\"2026-11-30T16:00:00Z\","
             "\"by\":\"a\",\"why\":\"b\"}");
    CHECK(reason("web").find("bert") != std::string::npos);  // its own is over, and that of all is not
    held.put("hq", "pauses/production/_all", "");
    CHECK(reason("web") ==
          "the pause pauses/production/_all holds, since it cannot be read: not valid JSON at line 1, column 1 (byte "
          "0): it is empty; expected one value; powerconsul resume removes it");

    consul.requests.clear();
    held.put("dr", "pauses/production/web", kept);
    CHECK(hold("web", {.host = "production-web1", .datacenter = "dr"}).value_or("").find("anna") != std::string::npos);
    CHECK(world::targets(consul.requests) == std::vector<std::string>{"/v1/kv/pauses/production/web?dc=dr&consistent"});

    // What cannot be told is an error, and not "nothing".
    held.respond_with("/v1/kv/pauses/production/_all", 403, "Permission denied");
    held.erase("hq", "pauses/production/web");
    const auto denied = hold("web");
    REQUIRE_FALSE(denied);
    CHECK(denied.error().code == errc::denied);
    CHECK(denied.error().message ==
          "it cannot be told whether it is paused: Consul answers 403 to /v1/kv/pauses/production/_all: Permission "
          "denied; the token needs key:read on pauses/production/_all");
    held.set_offline(true);
    CHECK(hold("web").error().code == errc::unavailable);
    CHECK(hold("web", {.host = "localhost"}).error().remedy == "environment");
}

TEST_CASE("there need not be a stop file") {
    memory_files files;
    files.fail_on("", {errc::usage, "\"\" is not a path"});
    CHECK(stop_file_hold(files, "", now).empty());
}

TEST_CASE("the stop file holds, and with until= up to that time") {
    struct row {
        std::string_view name;
        std::string_view text;
        std::string reason;
    };
    const std::string begin = R"(the stop file "/stop" is there)";
    const std::string end = "; delete it to let triggers run";
    const std::string without =
        " and holds without an end: expected until=<time> as date -d '+2 hours' -Is prints it, found ";
    const std::string two_hours = begin + " and holds until 2026-11-30 19:00 UTC (2 h left)" + end;
    const std::string unread = begin + without;
    const row rows[] = {
        {"nothing", "", begin + end},
        {"a newline", "\n", begin + end},
        {"UTC", "until=2026-11-30T19:00:00Z\n", two_hours},
        {"east of it", "until=2026-11-30T20:00:00+01:00", two_hours},
        {"west of it", " until= 2026-11-30 13:30-05:30 \r\n", two_hours},
        {"over", "until=2026-11-30T17:00:00Z", ""},
        {"long over", "until=1999-01-01T00:00Z", ""},
        {"without an offset", "until=2026-11-30T19:00:00", unread + "\"until=2026-11-30T19:00:00\"" + end},
        {"over, without an offset", "until=2026-11-30T11:00", unread + "\"until=2026-11-30T11:00\"" + end},
        {"as date prints it", "until=Mon Nov 30 19:00:00 UTC 2026",
         unread + "\"until=Mon Nov 30 19:00:00 UTC 2026\"" + end},
        {"no name", "2026-11-30T11:00:00Z", unread + "\"2026-11-30T11:00:00Z\"" + end},
        {"another name", "until: 2026-11-30T11:00:00Z", unread + "\"until: 2026-11-30T11:00:00Z\"" + end},
        {"a second line", "until=2026-11-30T11:00:00Z\nanna", unread + R"("until=2026-11-30T11:00:00Z\nanna")" + end},
        {"a reason", "kernel update", unread + "\"kernel update\"" + end},
        {"no time", "until=", unread + "\"until=\"" + end},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        memory_files files;
        files.put("/stop", row.text);
        CHECK(stop_file_hold(files, "/stop", now) == row.reason);
    }
    memory_files files;
    CHECK(stop_file_hold(files, "/stop", now).empty());
    files.put("/stop", {}, file(0, 0755, file_kind::directory));
    CHECK(stop_file_hold(files, "/stop", now) ==
          begin + R"(, without an end that could be read ("/stop" is no regular file))" + end);
    files.put("/stop", std::string(20'000, ' '));
    CHECK(stop_file_hold(files, "/stop", now).starts_with(begin + ", without an end that could be read"));
    files.fail_on("/stop", {errc::io, "no right to look"});
    CHECK(stop_file_hold(files, "/stop", now) == "it cannot be told whether the stop file is there: no right to look");
}

TEST_CASE("a node's own pauses and its stop file hold there") {
    memory_files files;
    const auto hold = [&](std::string_view service) { return local_hold(files, "/stop", "/state", service, now); };
    CHECK(hold("web").empty());
    files.put("/state", {}, file(1000, 0700, file_kind::directory));
    CHECK(hold("web").empty());
    files.put("/state/pause-web.json", kept);
    CHECK(hold("web") == std::string{said} + " (/state/pause-web.json)");
    CHECK(hold("mail").empty());
    files.put("/state/pause-_all.json", kept);
    CHECK(hold("mail") == std::string{said} + " (/state/pause-_all.json)");
    files.put("/state/pause-_all.json", "{}");
    CHECK(hold("mail") ==
          "the pause /state/pause-_all.json holds, since it cannot be read: the pause at line 1, column 1 (byte 0): "
          "until is missing; powerconsul resume --here removes it");
    files.erase("/state/pause-_all.json");
    files.put("/stop", "");
    CHECK(hold("mail").starts_with("the stop file"));
    files.erase("/stop");

    // Root's file is readable by the agent's user, and counts.
    files.put("/state/pause-web.json", kept, file(0, 0644));
    CHECK(hold("web") == std::string{said} + " (/state/pause-web.json)");

    // What is not to be trusted or cannot be read holds: somebody may have paused, and another may have changed it.
    const std::string unknown = "it cannot be told whether this node is paused: ";
    files.put("/state/pause-web.json", kept, file(1000, 0666));
    CHECK(
        hold("web") ==
        unknown +
            "/state/pause-web.json is no regular file, belongs to another user or can be written by others; delete it");
    files.put("/state/pause-web.json", kept, file(1001, 0600));
    CHECK(hold("web").starts_with(unknown));
    files.put("/state/pause-web.json", {}, file(1000, 0777, file_kind::symlink));
    CHECK(hold("web").starts_with(unknown));
    files.fail_on("/state/pause-web.json", {errc::io, "broken"});
    CHECK(hold("web") == unknown + "broken");
    files.heal("/state/pause-web.json");
    files.erase("/state/pause-web.json");
    for (const auto& status : {file(1000, 0777, file_kind::directory), file(1001, 0700, file_kind::directory),
                               file(1000, 0777, file_kind::symlink), file(1000, 0600)}) {
        files.put("/state", {}, status);
        CHECK(hold("web").starts_with(unknown + "the state directory /state "));
    }
    // Root sees what the agent's user keeps, but trusts nobody else.
    files.user_id = 0;
    files.put("/state", {}, file(1000, 0700, file_kind::directory));
    files.put("/state/pause-web.json", kept, file(1000, 0600));
    CHECK(hold("web") == std::string{said} + " (/state/pause-web.json)");
    files.put("/state/pause-web.json", kept, file(1001, 0600));
    CHECK(hold("web").starts_with(unknown));
    files.put("/state", {}, file(1000, 0777, file_kind::directory));
    CHECK(hold("web").starts_with(unknown));
}

TEST_CASE("a pause is removed by the command that its reason names") {
    CHECK(resume_command("web", false) == "powerconsul resume web");
    CHECK(resume_command("web", true) == "powerconsul resume web --here");
    CHECK(resume_command(all_services, false) == "powerconsul resume");
    CHECK(resume_command(all_services, true) == "powerconsul resume --here");
}
