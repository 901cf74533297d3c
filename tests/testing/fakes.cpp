#include <powerconsul/testing/fakes.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/ports/accounts.hpp>
#include <powerconsul/ports/clock.hpp>
#include <powerconsul/ports/executor.hpp>
#include <powerconsul/ports/files.hpp>
#include <powerconsul/ports/supervisor.hpp>
#include <powerconsul/ports/transport.hpp>
#include <powerconsul/probes/service/systemd.hpp>

using namespace powerconsul;
using namespace powerconsul::testing;

static_assert(http_transport<fake_transport> && http_transport<fake_transport&>);
static_assert(!parallel_http_transport<fake_transport>, "its order of requests is part of what tests look at");
static_assert(command_executor<fake_executor> && command_executor<fake_executor&>);
static_assert(job_supervisor<fake_supervisor> && job_supervisor<fake_supervisor&>);
static_assert(powerconsul::clock<manual_clock> && powerconsul::clock<const manual_clock>);
static_assert(awake_clock<manual_clock> && awake_clock<const manual_clock&>);
static_assert(account_source<memory_accounts> && account_source<const memory_accounts>);
static_assert(file_store<memory_files> && file_source<memory_files> && file_store<memory_files&>);
static_assert(directory_source<memory_files> && directory_source<memory_files&>);
static_assert(locking_file_store<memory_files>);
static_assert(unit_source<fake_units> && unit_source<fake_units&>);

namespace {

struct transport_says_bool {
    auto perform(const http_request&) -> bool { return true; }
};
struct transport_says_plain_response {
    auto perform(const http_request&) -> http_response { return {}; }
};
struct transport_wants_to_change_the_request {
    auto perform(http_request&) -> result<http_response> { return http_response{}; }
};
struct executor_says_status {
    auto run(const command&) -> int { return 0; }
};
struct executor_takes_a_line {
    auto run(const std::string&) -> result<outcome> { return outcome{}; }
};
struct supervisor_says_status : fake_supervisor {
    template <typename Ready>
    auto run(const job&, Ready&&) -> int {
        return 0;
    }
};
struct supervisor_is_always_sure : fake_supervisor {
    auto is_running(const process_mark&) -> bool { return false; }
};
struct supervisor_ends_by_number : fake_supervisor {
    auto end(int) -> result<void> { return {}; }
};
struct clock_counts_in_integers {
    auto monotonic() -> std::int64_t { return 0; }
    auto wall() -> std::int64_t { return 0; }
};
struct clock_without_wall {
    auto monotonic() -> milliseconds { return {}; }
};
struct accounts_take_none_for_zero : memory_accounts {
    auto user_id(const std::string&) const -> result<std::uint32_t> { return std::uint32_t{0}; }
};
struct units_say_bool : fake_units {
    auto ask(std::string_view, milliseconds&) -> bool { return true; }
};
struct units_match_one : fake_units {
    auto matching(std::string_view, milliseconds&) -> result<unit_state> { return unit_state{}; }
};
struct units_do_not_count_the_time : fake_units {
    auto ask(std::string_view, milliseconds&&) -> result<unit_state> { return unit_state{}; }
};
struct files_say_bool : memory_files {
    auto replace(const std::string&, std::string_view, std::uint32_t = 0600, durability = durability::flushed) -> bool {
        return true;
    }
};
struct files_flush_always : memory_files {
    auto replace(const std::string&, std::string_view, std::uint32_t = 0600) -> result<void> { return {}; }
};
struct files_lose_absent : memory_files {
    auto read(const std::string&, std::size_t) -> result<std::string> { return std::string{}; }
};
struct files_lock_with_bool : memory_files {
    auto lock(const std::string&, milliseconds) -> bool { return true; }
};
struct files_remove_with_bool : memory_files {
    auto remove(const std::string&) -> bool { return true; }
};
struct files_list_nothing_for_absent : memory_files {
    using names = std::vector<std::string>;
    auto list(const std::string&, std::size_t) -> result<names> { return names{}; }
};

}  // namespace

static_assert(!http_transport<transport_says_bool> && !http_transport<transport_says_plain_response>);
static_assert(!http_transport<transport_wants_to_change_the_request>);
static_assert(!command_executor<executor_says_status> && !command_executor<executor_takes_a_line>);
static_assert(!job_supervisor<supervisor_says_status> && !job_supervisor<supervisor_ends_by_number>);
static_assert(!job_supervisor<supervisor_is_always_sure>, "what cannot be told is not ended");
static_assert(!account_source<accounts_take_none_for_zero>, "an unknown user must not become root");
static_assert(!powerconsul::clock<clock_counts_in_integers> && !powerconsul::clock<clock_without_wall>);
static_assert(!unit_source<units_say_bool> && !unit_source<units_do_not_count_the_time>);
static_assert(!unit_source<units_match_one>);
static_assert(file_source<files_say_bool> && !file_store<files_say_bool>);
static_assert(file_source<files_flush_always> && !file_store<files_flush_always>);
static_assert(!file_source<files_lose_absent>, "absent and empty are two answers");
static_assert(file_store<files_lock_with_bool> && !locking_file_store<files_lock_with_bool>);
static_assert(file_store<files_remove_with_bool> && !locking_file_store<files_remove_with_bool>);
static_assert(!directory_source<files_list_nothing_for_absent> && file_source<files_list_nothing_for_absent>);

TEST_CASE("fake_transport answers by its script and records what it was asked") {
    fake_transport fake;
    fake.on(http_method::get, "/v1/kv/a", 200, "first").on(http_method::get, "/v1/kv/a", 404, "");
    fake.on(http_method::put, "/v1/kv/a", fail(errc::timed_out, "no answer within 5 s"));

    CHECK(fake.perform({http_method::get, "/v1/kv/a"})->body == "first");
    CHECK(fake.perform({http_method::get, "/v1/kv/a"})->status == 404);
    CHECK(fake.perform({http_method::get, "/v1/kv/a"})->status == 404);
    CHECK(fake.perform({http_method::put, "/v1/kv/a", "text"}).error().code == errc::timed_out);
    REQUIRE(fake.requests().size() == 4);
    CHECK(fake.requests()[3].body == "text");
}

TEST_CASE("fake_transport refuses what is not scripted and says what is") {
    fake_transport fake;
    CHECK(fake.perform({http_method::get, "/x"}).error() ==
          error{errc::failed, "no answer is scripted for GET /x; there is one for nothing"});
    fake.on(http_method::get, "/a", 200, "").on(http_method::del, "/b", 200, "");
    CHECK(fake.perform({http_method::get, "/a?dc=hq"}).error().message ==
          "no answer is scripted for GET /a?dc=hq; there is one for GET /a and DELETE /b");
    CHECK(fake.perform({http_method::put, "/a"}).error().message ==
          "no answer is scripted for PUT /a; there is one for GET /a and DELETE /b");
    CHECK(fake.requests().size() == 3);
}

TEST_CASE("fake_units answers by its script, takes its time and records what it was asked") {
    fake_units fake;
    fake.on("web.service", unit_state{"loaded", "active", "running"}, {30})
        .on("mail.service", fail(errc::denied, "no"));
    milliseconds left{100};
    CHECK(fake.ask("web.service", left)->sub == "running");
    CHECK(left == milliseconds{70});
    CHECK(fake.ask("mail.service", left).error() == error{errc::denied, "no"});
    CHECK(fake.ask("x", left).error() == error{errc::failed, "no answer is scripted for the unit \"x\""});
    CHECK(left == milliseconds{70});
    left = {10};
    CHECK(fake.ask("web.service", left).has_value());
    CHECK(left == milliseconds{0});
    CHECK(fake.asked() == std::vector<std::string>{"web.service", "mail.service", "x", "web.service"});
}

TEST_CASE("fake_executor gives scripted outcomes and records the commands") {
    fake_executor fake;
    fake.on({"/bin/true"}, 0, "fine").on({"/bin/true"}, 1);
    fake.on({"/bin/sleep", "9"}, outcome{ending::timed_out, 0, {}, {}, false});

    CHECK(fake.run({{"/bin/true"}})->out == "fine");
    CHECK(fake.run({{"/bin/true"}})->exited_with(1));
    CHECK(fake.run({{"/bin/true"}})->exited_with(1));
    CHECK(fake.run({{"/bin/sleep", "9"}})->how == ending::timed_out);
    CHECK(fake.run({{"/bin/sleep", "8"}}).error() ==
          error{errc::failed, "no outcome is scripted for the command \"/bin/sleep\" \"8\""});
    CHECK(fake.commands().size() == 5);
    CHECK(fake.commands()[3].argv[1] == "9");
}

TEST_CASE("fake_supervisor gives scripted outcomes and records the jobs") {
    fake_supervisor fake;
    const accepts_any_process yes;
    fake.on({"/bin/a"}, 0, "fine").on({"/bin/a"}, 1);
    fake.on({"/bin/slow"}, job_outcome{ending::timed_out, 0, "", 0, seconds(60)});

    CHECK(fake.run({.argv = {"/bin/a"}, .script = "text"}, yes)->output == "fine");
    CHECK(fake.run({.argv = {"/bin/a"}}, yes)->status == 1);
    CHECK(fake.run({.argv = {"/bin/a"}}, yes)->status == 1);
    CHECK(fake.run({.argv = {"/bin/slow"}}, yes)->how == ending::timed_out);
    CHECK(fake.run({.argv = {"/bin/b", "x"}}, yes).error() ==
          error{errc::failed, "no outcome is scripted for the job \"/bin/b\" \"x\""});
    REQUIRE(fake.jobs().size() == 5);
    CHECK(fake.jobs()[0].script == "text");
    CHECK(fake.begun().size() == 4);
    CHECK(fake.ended().empty());
}

TEST_CASE("fake_supervisor asks ready before a job does anything") {
    struct case_row {
        std::string_view name;
        result<job_outcome> scripted;
        result<void> ready;
        bool asked;
        bool done;
        std::string_view message;
    };
    const case_row rows[] = {
        {"accepted", job_outcome{}, {}, true, true, ""},
        {"not accepted", job_outcome{}, fail(errc::io, "disk full"), true, false, "disk full"},
        {"not to be started", fail(errc::io, "no such file"), {}, true, false, "no such file"},
        {"neither", fail(errc::io, "no such file"), fail(errc::io, "disk full"), true, false, "disk full"},
        {"wrong", fail(errc::usage, "no such user"), {}, false, false, "no such user"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        fake_supervisor fake;
        fake.on({"/bin/a"}, row.scripted);
        bool asked = false;
        bool done = false;
        fake.doing([&](const job& what, const process_mark& mark) {
            CHECK(asked);
            CHECK(what.argv.size() == 1);
            CHECK(*fake.is_running(mark));
            done = true;
        });
        process_mark given;
        const auto seen = fake.run({.argv = {"/bin/a"}}, [&](const process_mark& mark) {
            asked = true;
            given = mark;
            CHECK(mark == process_mark{1001, 1, "boot"});
            CHECK(*fake.is_running(mark));
            CHECK(fake.begun().empty());
            return row.ready;
        });
        CHECK(asked == row.asked);
        CHECK(done == row.done);
        CHECK(fake.begun().size() == (row.done ? 1 : 0));
        CHECK((seen ? "" : seen.error().message) == row.message);
        CHECK_FALSE(*fake.is_running(given));
    }
}

TEST_CASE("fake_supervisor keeps running, ended and unknown apart") {
    fake_supervisor fake;
    const process_mark left{77, 5, "boot"};
    fake.left_running(left);
    CHECK(*fake.is_running(left));
    CHECK_FALSE(*fake.is_running({77, 6, "boot"}));
    CHECK(fake.end({77, 6, "boot"}));
    CHECK(fake.ended().empty());
    CHECK(fake.end(left));
    CHECK(fake.end(left));
    CHECK_FALSE(*fake.is_running(left));
    CHECK(fake.ended() == std::vector{left});
    fake.left_running(left).cannot_tell({errc::io, "hidden"});
    CHECK(fake.is_running(left).error() == error{errc::io, "hidden"});
    CHECK(fake.end(left).error() == error{errc::io, "hidden"});
    CHECK(fake.ended().size() == 1);
}

TEST_CASE("manual_clock moves when it is told to") {
    manual_clock time;
    const auto wall = time.wall();
    CHECK(time.monotonic() == milliseconds{0});
    time.advance(seconds(3));
    CHECK(time.monotonic() == seconds(3));
    CHECK(time.wall() == wall + seconds(3));
    time.set_wall(seconds(5));
    CHECK(time.wall() == seconds(5));
    CHECK(time.monotonic() == seconds(3));
    CHECK(time.awake() == seconds(3));
    time.suspend(seconds(4));
    CHECK(time.monotonic() == seconds(7));
    CHECK(time.wall() == seconds(9));
    CHECK(time.awake() == seconds(3));
}

TEST_CASE("memory_files tells which writes were to be flushed") {
    memory_files files;
    REQUIRE(files.make_directory("/state"));
    REQUIRE(files.replace("/state/a", "1"));
    REQUIRE(files.replace("/state/b", "2", 0640, durability::later));
    REQUIRE(files.replace("/state/c", "3", 0640));
    CHECK_FALSE(files.replace("/missing/d", "4"));
    CHECK(files.flushed == std::vector<std::string>{"/state/a", "/state/c"});
    CHECK((*files.status("/state/b"))->mode == 0640);
}

TEST_CASE("memory_files keeps value, absent and failure apart") {
    memory_files files;
    files.put("/etc/a", "text");
    files.put("/etc/empty", "");
    files.put("/etc/link", "", {file_kind::symlink, 0777, 0, 0, 0, 0});
    files.fail_on("/etc/locked", {errc::denied, "permission denied"});

    CHECK(**files.read("/etc/a", 4) == "text");
    CHECK(**files.read("/etc/empty", 4) == "");
    CHECK(*files.read("/etc/none", 4) == std::nullopt);
    CHECK(files.read("/etc/a", 3).error().code == errc::bad_data);
    CHECK(files.read("/etc/link", 9).error().message == "\"/etc/link\" is no regular file");
    CHECK(files.read("/etc", 9).error().code == errc::bad_data);
    CHECK(files.read("/etc/locked", 9).error() == error{errc::denied, "permission denied"});
    CHECK(files.status("/etc/locked").error().code == errc::denied);
    CHECK((**files.status("/etc/link")).kind == file_kind::symlink);
    CHECK((**files.status("/etc")).kind == file_kind::directory);
    CHECK((**files.status("/etc/a")).size == 4);
    CHECK(*files.status("/etc/none") == std::nullopt);
}

TEST_CASE("memory_files lists what is directly below a directory") {
    memory_files files;
    files.put("/proc/1/stat", "");
    files.put("/proc/1/fd/0", "");
    files.put("/proc/10/stat", "");
    files.put("/proc/version", "");
    files.put("/proc.d/other", "");
    files.put("/file", "");
    CHECK(**files.list("/proc", 3) == std::vector<std::string>{"1", "10", "version"});
    CHECK(**files.list("/proc/1", 3) == std::vector<std::string>{"fd", "stat"});
    CHECK(**files.list("/", 3) == std::vector<std::string>{"file", "proc", "proc.d"});
    CHECK(files.list("/proc", 2).error().code == errc::bad_data);
    CHECK(files.list("/file", 9).error() == error{errc::bad_data, "\"/file\" is no directory"});
    CHECK_FALSE(files.list("/none", 9)->has_value());
    files.fail_on("/proc", {errc::denied, "permission denied"});
    CHECK(files.list("/proc", 9).error().code == errc::denied);
}

TEST_CASE("memory_files writes as a file system would") {
    memory_files files;
    files.now = 77;
    files.user_id = 5;
    CHECK(files.user() == 5);
    CHECK(files.replace("/state/journal/a", "x").error().message ==
          "\"/state/journal/a\": its directory does not exist");
    CHECK(files.make_directory("/state/journal").error().code == errc::io);
    REQUIRE(files.make_directory("/state"));
    REQUIRE(files.make_directory("/state"));
    REQUIRE(files.make_directory("/state/journal"));
    REQUIRE(files.replace("/state/journal/a", "x"));
    REQUIRE(files.replace("/state/journal/a", "yy"));
    CHECK(files.get("/state/journal/a") == "yy");
    const auto status = **files.status("/state/journal/a");
    CHECK(status.mode == 0600);
    CHECK(status.uid == 5);
    CHECK(status.size == 2);
    CHECK(status.modified == 77);
    CHECK((**files.status("/state")).mode == 0700);
    CHECK(files.make_directory("/state/journal/a").error().message ==
          "\"/state/journal/a\" exists and is no directory");
    CHECK(files.replace("/state", "x").error().code == errc::io);

    files.fail_on("/state/journal/a", {errc::io, "disk full"});
    CHECK(files.replace("/state/journal/a", "zzz").error().message == "disk full");
    CHECK(files.get("/state/journal/a") == "yy");
    files.heal("/state/journal/a");
    CHECK(files.replace("/state/journal/a", "zzz"));
    REQUIRE(files.remove("/state/journal/a"));
    CHECK(files.get("/state/journal/a") == std::nullopt);
}

TEST_CASE("memory_files gives a lock to one at a time") {
    memory_files files;
    const error busy{errc::timed_out, "somebody else holds the lock \"/run/a.lock\"; try again"};
    CHECK(files.lock("/run/a.lock", {}).error() == error{errc::io, "\"/run/a.lock\": its directory does not exist"});
    REQUIRE(files.make_directory("/run"));
    {
        auto held = files.lock("/run/a.lock", {});
        REQUIRE(held);
        CHECK(files.get("/run/a.lock") == "");
        CHECK(files.lock("/run/a.lock", seconds(60)).error() == busy);
        CHECK(files.lock("/run/b.lock", {}));
        const auto moved = std::move(*held);
        CHECK(files.lock("/run/a.lock", {}).error() == busy);
    }
    {
        const auto old = files.lock("/run/a.lock", {});
        REQUIRE(old);
        REQUIRE(files.remove("/run/a.lock"));
        auto next = std::optional{files.lock("/run/a.lock", {})};
        REQUIRE(*next);
        CHECK(files.lock("/run/a.lock", {}).error() == busy);
        next.reset();
        CHECK(files.lock("/run/a.lock", {}));
    }
    {
        auto old = std::optional{files.lock("/run/a.lock", {})};
        REQUIRE(files.remove("/run/a.lock"));
        const auto next = files.lock("/run/a.lock", {});
        old.reset();
        CHECK(files.lock("/run/a.lock", {}).error() == busy);
    }
    CHECK(files.lock("/run/a.lock", {}));
    files.put("/run/link", "", {file_kind::symlink, 0777, 0, 0, 0, 0});
    CHECK(files.lock("/run/link", {}).error() ==
          error{errc::denied, "the lock \"/run/link\" is not a regular file; delete it"});
    files.fail_on("/run/a.lock", {errc::io, "disk full"});
    CHECK(files.lock("/run/a.lock", {}).error().message == "disk full");
    CHECK(files.remove("/run/a.lock").error().message == "disk full");
    CHECK(files.remove("/run/none"));
}

TEST_CASE("accounts answer with a value, with none, or that they cannot tell") {
    memory_accounts accounts;
    accounts.add_user("root", 0).add_user("bob", 1000).add_group("crontab", 105);
    CHECK(*accounts.user_id("bob") == std::optional<std::uint32_t>{1000});
    CHECK(*accounts.user_name(0) == std::optional<std::string>{"root"});
    CHECK(*accounts.group_id("crontab") == std::optional<std::uint32_t>{105});
    CHECK(*accounts.group_name(105) == std::optional<std::string>{"crontab"});
    CHECK_FALSE(accounts.user_id("crontab")->has_value());
    CHECK_FALSE(accounts.group_name(1000)->has_value());
    accounts.fail_with({errc::io, "the directory service does not answer"});
    CHECK(accounts.user_id("bob").error().code == errc::io);
    CHECK_FALSE(accounts.group_name(105));
    accounts.heal();
    CHECK(accounts.group_name(105));
}
