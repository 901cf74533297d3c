#include <powerconsul/adapters/dry_run.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/heal/handler.hpp>
#include <powerconsul/heal/journal_json.hpp>
#include <powerconsul/heal/rules.hpp>
#include <powerconsul/store/store.hpp>
#include <powerconsul/testing/fakes.hpp>

using namespace powerconsul;
using testing::fake_supervisor;
using testing::manual_clock;
using testing::memory_files;
using testing::recording_log;

static_assert(locking_file_store<dry_run_files<memory_files&>> && locking_file_store<dry_run_files<memory_files>>);
static_assert(job_supervisor<dry_run_supervisor<fake_supervisor&>>);

namespace {

constexpr std::string_view journal_file = "/state/journal/web.json";
const std::vector<std::string> restart{"/bin/sh", "-c", "restart web"};

/// A node whose service is critical and has a trigger, handled for real or not.
struct node {
    store consul{{.node = "production-web3", .datacenter = "hq"}};
    memory_files files{};
    manual_clock time{};
    fake_supervisor jobs{};
    recording_log log{};
    watch_options options{};
    snapshot_check listed{};

    node() {
        consul.add("hq", {.service = "web",
                          .node = "production-web3",
                          .checks = {{"service:web", {store_status::critical, "down"}}}});
        consul.put("hq", "triggers/production/web/standalone/critical", "restart web");
        jobs.on(restart, 0);
        options.stop_file = "/stop";
        listed.node = "production-web3";
        listed.check_id = "service:web";
        listed.service_id = listed.service_name = "web";
        listed.status = "critical";
        listed.create_index = 10;
        listed.modify_index = 20;
    }
    template <typename Files, typename Supervisor>
    auto handled(Files& on, Supervisor& by, bool direct) -> handled_service {
        struct {
            manual_clock& clock;
            Files& files;
            Supervisor& jobs;
            recording_log& log;
        } here{time, on, by, log};
        service_handler handler{consul, here, "/state", {.who = {.host = "production-web3"}}, options};
        return direct ? handler.run_once(listed) : handler.handle("web", {listed});
    }
    auto dry(bool direct = false) -> handled_service {
        dry_run_files<memory_files&> reading{files};
        dry_run_supervisor<fake_supervisor&> asking{jobs};
        return handled(reading, asking, direct);
    }
    auto real(bool direct = false) -> handled_service { return handled(files, jobs, direct); }

    /// Every path with its bytes.
    auto disk() -> std::string {
        std::string text;
        std::vector<std::string> left{""};
        while (!left.empty()) {
            const std::string path = left.back();
            left.pop_back();
            text += path + '=' + files.get(path).value_or("") + '\n';
            const auto names = files.list(path.empty() ? "/" : path, 1000);
            if (!names || !*names) continue;
            for (const auto& name : **names) left.push_back(path + '/' + name);
        }
        return text;
    }
};

/// What was decided, and what was or would be run.
auto decided(const handled_service& report) -> std::string {
    std::string text = report.service + ';' + (report.cause ? report.cause->message : "");
    for (const auto& each : report.incidents) {
        text += '\n' + each.incident + ' ' + std::to_string(static_cast<int>(each.what)) + ' ' + each.why + ' ' +
                std::string{to_string(each.own)} + ' ' + std::string{to_string(each.as)};
        if (!each.ran) continue;
        for (const auto& word : each.ran->argv) text += ' ' + word;
        for (const auto& word : each.ran->environment) text += ' ' + word;
    }
    return text;
}

/// One attempt whose handler is dead.
void crash(node& at) {
    journal made{.service = "web"};
    const std::string id = add_incident(made, bad_state::critical, "production-web3", at.time.wall()).id;
    made.incidents[0].checks.push_back({"web", "service:web", true, at.time.wall(), 0, 20});
    attempt intent{.began = at.time.wall(), .may_run = seconds(70), .process = {4711, 5, "boot"}};
    at.files.put(std::string{journal_file},
                 json::encode_journal(attempt_began(
                     made, id, {"triggers/production/web/standalone/critical", 7, {}, purpose::heal}, intent)));
}

}  // namespace

TEST_CASE("a dry run decides as a real one would, and changes nothing") {
    struct row {
        std::string_view name;
        void (*change)(node&);
        bool direct;
        bool runs;
    };
    const row rows[] = {
        {"a new incident", [](node&) {}, false, true},
        {"asked for directly", [](node&) {}, true, true},
        {"in its time to settle", [](node& at) { static_cast<void>(at.real()); }, false, false},
        {"in its time to settle, asked for directly", [](node& at) { static_cast<void>(at.real()); }, true, true},
        {"behind it",
         [](node& at) {
             static_cast<void>(at.real());
             at.time.advance(seconds(60));
         },
         false, true},
        {"healed",
         [](node& at) {
             static_cast<void>(at.real());
             CHECK(at.consul.set_check("hq", "production-web3", "service:web", store_status::passing, "well"));
         },
         false, false},
        {"no trigger", [](node& at) { at.consul.erase("hq", "triggers/production/web/standalone/critical"); }, false,
         false},
        {"stopped", [](node& at) { at.files.put("/stop", ""); }, false, false},
        {"paused here",
         [](node& at) {
             at.files.put("/state/pause-web.json",
                          json::encode_pause({at.time.wall() + seconds(60), at.time.wall(), "anna@web1", "kernel"}));
         },
         false, false},
        {"no agent", [](node& at) { at.consul.set_offline(true); }, false, false},
        {"a trigger that is none",
         [](node& at) { at.consul.put("hq", "triggers/production/web/standalone/critical", "{}"); }, false, false},
        {"a damaged journal", [](node& at) { at.files.put(std::string{journal_file}, "damaged"); }, false, false},
        {"a state directory of somebody else",
         [](node& at) {
             at.files.put("/state", "", {file_kind::directory, 0700, 4711, 4711, 0, 0});
         },
         false, false},
        {"an attempt that still runs",
         [](node& at) {
             crash(at);
             at.jobs.left_running({4711, 5, "boot"});
             at.time.advance(seconds(20));
         },
         false, false},
        {"an attempt that runs no longer",
         [](node& at) {
             crash(at);
             at.time.advance(seconds(20));
         },
         false, false},
        {"an attempt that runs for too long",
         [](node& at) {
             crash(at);
             at.jobs.left_running({4711, 5, "boot"});
             at.time.advance(seconds(100));
         },
         false, false},
        {"an attempt of which nobody can tell",
         [](node& at) {
             crash(at);
             at.jobs.cannot_tell({errc::io, "/proc is not there"});
             at.time.advance(seconds(20));
         },
         false, false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        node at;
        row.change(at);
        const std::string disk = at.disk();
        const std::size_t before = at.jobs.jobs().size();
        const auto dry = at.dry(row.direct);
        CHECK(at.disk() == disk);
        CHECK(at.jobs.jobs().size() == before);
        CHECK(at.jobs.ended().empty());
        CHECK((dry.incidents.size() == 1 && dry.incidents[0].ran) == row.runs);
        // Again the same: nothing was remembered.
        CHECK(decided(at.dry(row.direct)) == decided(dry));
        CHECK(decided(at.real(row.direct)) == decided(dry));
        CHECK(at.jobs.begun().size() == before + (row.runs ? 1 : 0));
    }
}

TEST_CASE("a dry run waits for no lock") {
    node at;
    CHECK(at.files.make_directory("/state"));
    CHECK(at.files.make_directory("/state/journal"));
    const auto service = at.files.lock("/state/journal/web.json.lock", {});
    const auto place = at.files.lock("/state/journal/slot-0.lock", {});
    REQUIRE((service && place));
    at.options.at_once = 1;
    CHECK(at.dry().incidents.at(0).ran);
    CHECK(at.jobs.jobs().empty());
}

TEST_CASE("files of a dry run are read and never written") {
    memory_files files;
    files.put("/state/a", "there");
    dry_run_files<memory_files&> dry{files};
    CHECK(dry.user() == 1000);
    CHECK(**dry.read("/state/a", 100) == "there");
    CHECK((*dry.status("/state/a"))->size == 5);
    CHECK(**dry.list("/state", 10) == std::vector<std::string>{"a"});
    files.fail_on("/state/b", {errc::io, "broken"});
    CHECK(dry.read("/state/b", 100).error().message == "broken");

    CHECK(dry.replace("/state/a", "other"));
    CHECK(dry.replace("/nowhere/a", "other"));
    CHECK(dry.remove("/state/a"));
    CHECK(dry.make_directory("/state/new"));
    CHECK(dry.lock("/state/lock", seconds(1)));
    CHECK(**files.list("/state", 10) == std::vector<std::string>{"a"});
    CHECK(*files.get("/state/a") == "there");
}

TEST_CASE("a job of a dry run begins nothing and succeeds, unless it is not agreed to") {
    fake_supervisor real;
    real.left_running({4711, 5, "boot"});
    dry_run_supervisor<fake_supervisor&> dry{real};
    bool asked = false;
    const auto ended = dry.run({}, [&](const process_mark& mark) -> result<void> {
        asked = mark == process_mark{};
        return {};
    });
    REQUIRE(ended);
    CHECK(asked);
    CHECK(ended->how == ending::exited);
    CHECK(ended->status == 0);
    const auto refused = dry.run({}, [](const process_mark&) -> result<void> { return fail(errc::io, "full"); });
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == error{errc::io, "full"});
    CHECK(real.jobs().empty());

    CHECK(*dry.is_running({4711, 5, "boot"}));
    CHECK_FALSE(*dry.is_running({4712, 5, "boot"}));
    CHECK(dry.end({4711, 5, "boot"}));
    CHECK(*dry.is_running({4711, 5, "boot"}));
    real.cannot_tell({errc::io, "/proc is not there"});
    CHECK(dry.is_running({4711, 5, "boot"}).error().message == "/proc is not there");
}
