#include <powerconsul/heal/worker.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/adapters/thread_runner.hpp>
#include <powerconsul/testing/fakes.hpp>

#include "watched.hpp"

using namespace powerconsul;
using heal::worker_end;
using watched::lines;
using watched::node;

namespace {

constexpr const char* lock_of_worker = "/state/journal/worker-critical.lock";
constexpr const char* lock_of_next = "/state/journal/worker-critical.next";

/// What the worker reads at each look, as a test changes it.
struct settings {
    node* at{};
    heal::watch_setup set{};

    [[nodiscard]] auto connect() const -> result<store_view> { return at->connect()(); }
};

auto second_of(const node& at) -> std::int64_t {
    return at.here.clock.monotonic().count / 1000;
}

/// A worker in one thread, where a service is seen to until nothing is left to do.
struct bench {
    node at{};
    std::optional<error> unreadable{};
    bool old{};
    int read{};

    [[nodiscard]] auto work() -> worker_end {
        const auto now = [this]() -> result<settings> {
            ++read;
            if (unreadable) return unexpected{*unreadable};
            return settings{&at, at.set};
        };
        return heal::worker{at.here, now, [this] { return old; }}.run();
    }
    /// From then on, and at each later look at the clock, this happens.
    void each_time(std::function<void(std::int64_t second)> what) {
        at.here.clock.meanwhile = [this, what = std::move(what)] { what(second_of(at)); };
    }
    void passes_when_it_runs(const std::string& service, std::size_t times = 1) {
        at.healing = [this, service, times](const std::string& which) {
            if (which == service && at.ran.size() >= times) at.is(service, store_status::passing, "well");
        };
    }
    void put_directories() {
        REQUIRE(at.here.files.make_directory("/state"));
        REQUIRE(at.here.files.make_directory("/state/journal"));
    }
};

/// A runner that begins nothing, as if a service needed for ever; or that cannot begin anything at first.
struct idle_runner : sequential_runner {
    int refuses{};
    int started{};
    template <typename Task>
    auto start(Task&& task) -> bool {
        if (refuses-- > 0) return false;
        ++started;
        if (refuses >= -1) return true;
        task();
        return true;
    }
};

}  // namespace

TEST_CASE("it sees to a service until its incident is closed, and goes home") {
    bench on;
    on.at.is_critical("web");
    on.passes_when_it_runs("web", 3);
    CHECK(on.work() == worker_end::done);
    // Settled after twice its time, since its check says nothing new.
    CHECK(on.at.ran == lines{"0 web", "60 web", "120 web"});
    CHECK(on.at.said("incident closed") ==
          lines{"info incident closed web critical check=web-role attempts=3 outcome=healed open_ms=121000"});
    CHECK(on.at.said("failed").empty());
    // All is free for the next one, which looks twice, since a watch may be quicker than the agent's own answer.
    const auto now = on.at.here.clock.monotonic();
    CHECK(on.work() == worker_end::done);
    CHECK(on.at.here.clock.monotonic() - now >= seconds(1));
    CHECK(on.at.here.clock.monotonic() - now <= seconds(6));
}

TEST_CASE("on a fresh node it makes its directories and finds nothing to do") {
    bench on;
    CHECK(on.work() == worker_end::done);
    CHECK(on.at.said("failed").empty());
    CHECK(on.at.here.files.status("/state/journal")->has_value());
}

TEST_CASE("services that the journals or the agent know of are seen to, in its own state only") {
    bench on;
    on.at.is_critical("web");
    REQUIRE(on.at.handle({"web"}));
    on.at.is("web", store_status::passing, "well");
    on.at.is("mail", store_status::warning);
    on.at.is("db", store_status::critical, "CRITICAL - db does not serve here, secondary expects stopped");
    CHECK(on.work() == worker_end::done);
    CHECK(on.at.ran == lines{"0 web"});
    CHECK(on.at.said("incident closed").size() == 1);
    CHECK_FALSE(on.at.here.files.get("/state/journal/mail.json"));
    CHECK_FALSE(on.at.here.files.get("/state/journal/db.json"));
}

TEST_CASE("a service that is given up is looked at until it is well, and its trigger anew once it is mended") {
    bench on;
    on.at.set.watch.retry.attempts = 2;
    on.at.is_critical("web");
    on.each_time([&, mended = false](std::int64_t second) mutable {
        if (second < 1000 || std::exchange(mended, true)) return;
        on.at.consul.put("hq", "triggers/production/web/standalone/critical",
                         R"({"command": ["/bin/sh", "-c", "heal web"]})");
    });
    on.passes_when_it_runs("web", 3);
    CHECK(on.work() == worker_end::done);
    REQUIRE(on.at.ran.size() == 3);
    CHECK(on.at.ran[1] == "60 web");
    CHECK(std::stoi(on.at.ran[2]) >= 1000);
    CHECK(std::stoi(on.at.ran[2]) <= 1010);
    CHECK(on.at.said("gave up").size() == 1);
}

TEST_CASE("what was acknowledged is tried within seconds") {
    bench on;
    on.at.set.watch.retry.attempts = 1;
    on.at.is_critical("web");
    on.each_time([&, acknowledged = false](std::int64_t second) mutable {
        if (second < 1000 || acknowledged) return;
        acknowledged = heal::acknowledge(on.at.here.files, "/state", "web", {}).has_value();
    });
    on.passes_when_it_runs("web", 2);
    CHECK(on.work() == worker_end::done);
    REQUIRE(on.at.ran.size() == 2);
    CHECK(std::stoi(on.at.ran[1]) >= 1000);
    CHECK(std::stoi(on.at.ran[1]) <= 1010);
}

TEST_CASE("a look at the agent that fails, or nobody to ask it, is repeated") {
    for (const std::string how : {"offline", "connection", "memory", "429"}) {
        CAPTURE(how);
        bench on;
        on.at.is_critical("web");
        on.passes_when_it_runs("web");
        const auto fails = [&](bool now) {
            on.at.unconnected.reset();
            on.at.consul.respond_normally();
            on.at.consul.set_offline(now && how == "offline");
            on.at.short_of_memory = now && how == "memory" && second_of(on.at) >= 1;
            if (now && how == "connection") on.at.unconnected = error{errc::configuration, "no certificate"};
            if (now && how == "429") on.at.consul.respond_with("/v1/agent/checks", 429, "too many requests");
        };
        fails(true);
        on.each_time([&](std::int64_t second) { fails(second < 100); });
        if (how == "memory") on.at.unconnected = error{errc::configuration, "no certificate"};
        CHECK(on.work() == worker_end::done);
        REQUIRE(on.at.ran.size() == 1);
        CHECK(std::stoi(on.at.ran[0]) >= 100);
        CHECK(std::stoi(on.at.ran[0]) <= 110);
    }
}

TEST_CASE("without an agent for five minutes it ends loudly") {
    for (const bool at_first : {true, false}) {
        CAPTURE(at_first);
        bench on;
        on.at.is_critical("web");
        if (at_first) on.at.consul.set_offline(true);
        on.each_time([&](std::int64_t second) {
            if (second >= 20) on.at.consul.set_offline(true);
        });
        CHECK(on.work() == worker_end::lost);
        CHECK(second_of(on.at) >= (at_first ? 300 : 319));
        CHECK(second_of(on.at) <= (at_first ? 311 : 331));
        CHECK(on.at.ran.size() == (at_first ? 0 : 1));
        CHECK(
            on.at.said("failed").back() ==
            "error failed  critical error=no agent has answered for 300 s; no further attempts are made until a handler "
            "is called again");
        // Nothing is left locked.
        CHECK(on.at.here.files.lock(lock_of_worker, {}));
        CHECK(on.at.here.files.lock(lock_of_next, {}));
    }
    // A gap that is shorter does not count.
    bench on;
    on.at.is_critical("web");
    on.passes_when_it_runs("web", 2);
    on.each_time([&](std::int64_t second) { on.at.consul.set_offline(second > 20 && second < 290); });
    CHECK(on.work() == worker_end::done);
    CHECK(on.at.ran.size() == 2);
}

TEST_CASE("settings are read anew for each look: what they say at an attempt counts") {
    bench on;
    on.at.is_critical("web");
    on.passes_when_it_runs("web", 2);
    on.each_time([&](std::int64_t second) {
        // From just before the second attempt would be due.
        if (second >= 58 && second < 500) {
            on.at.set.watch.noop_triggers = {"web"};
        } else {
            on.at.set.watch.noop_triggers.clear();
        }
    });
    CHECK(on.work() == worker_end::done);
    REQUIRE(on.at.ran.size() == 2);
    CHECK(std::stoi(on.at.ran[1]) >= 500);
    CHECK(std::stoi(on.at.ran[1]) <= 505);
}

TEST_CASE("while a configuration cannot be read nothing acts, and it is told once") {
    bench on;
    on.at.is_critical("web");
    on.passes_when_it_runs("web", 2);
    on.each_time([&](std::int64_t second) {
        on.unreadable.reset();
        if (second >= 50 && second < 300) on.unreadable = error{errc::configuration, "line 3: expected a comma"};
    });
    CHECK(on.work() == worker_end::done);
    REQUIRE(on.at.ran.size() == 2);
    CHECK(std::stoi(on.at.ran[1]) >= 300);
    CHECK(std::stoi(on.at.ran[1]) <= 306);
    CHECK(on.at.said("failed") ==
          lines{"error failed  critical error=line 3: expected a comma; nothing acts until it can be read"});
}

TEST_CASE("a configuration that cannot be read is waited for as long as there is an agent") {
    struct machine : watched::machine {
        idle_runner tasks{};
    };
    node at;
    machine here;
    here.consul = at.here.consul;
    at.is_critical("web");
    const auto now = [&]() -> result<settings> {
        if (here.clock.monotonic() >= seconds(20)) return fail(errc::configuration, "broken");
        return settings{&at, at.set};
    };
    const auto ends = [&] { return here.clock.monotonic() >= seconds(2000); };
    CHECK(heal::worker{here, now, ends}.run() == worker_end::renewed);
    CHECK(here.log.events("failed").size() == 1);
}

TEST_CASE("a service whose name can be none is told once, and needs no worker") {
    bench on;
    on.at.consul.add(
        "hq",
        {.service = "a/b", .node = std::string{watched::me}, .checks = {{"odd", {store_status::critical, "bad"}}}});
    CHECK(on.work() == worker_end::done);
    CHECK(on.at.said("failed").size() == 1);
    on.at.is_critical("web");
    on.passes_when_it_runs("web", 2);
    CHECK(on.work() == worker_end::done);
    CHECK(on.at.said("failed").size() == 2);
}

TEST_CASE("a configuration that cannot be read at first, or without an agent, ends it loudly") {
    bench on;
    on.unreadable = error{errc::configuration, "broken"};
    CHECK(on.work() == worker_end::lost);
    CHECK(second_of(on.at) <= 10);
    CHECK(on.at.said("failed").back() ==
          "error failed  critical error=the configuration cannot be read; no further attempts are made until a handler "
          "is called again");
    bench gone;
    gone.at.is_critical("web");
    gone.each_time([&](std::int64_t second) {
        if (second < 20) return;
        gone.unreadable = error{errc::configuration, "broken"};
        gone.at.consul.set_offline(true);
    });
    CHECK(gone.work() == worker_end::lost);
    CHECK(second_of(gone.at) <= 340);
}

TEST_CASE("a state directory that is another one, and a program that was replaced, are for a new process") {
    struct machine : watched::machine {
        idle_runner tasks{};
    };
    for (const bool moved : {true, false}) {
        CAPTURE(moved);
        node at;
        machine here;
        here.consul = at.here.consul;
        at.is_critical("web");
        bool old = false;
        here.clock.meanwhile = [&] {
            if (here.clock.monotonic() < seconds(20)) return;
            if (moved) {
                at.set.state_dir = "/elsewhere";
            } else {
                old = true;
            }
        };
        const auto now = [&]() -> result<settings> { return settings{&at, at.set}; };
        CHECK(heal::worker{here, now, [&] { return old; }}.run() == worker_end::renewed);
        CHECK(here.clock.monotonic() <= seconds(30));
        CHECK(here.files.lock(lock_of_worker, {}));
    }
}

TEST_CASE("a newer worker takes over, and a third one goes home") {
    struct machine : watched::machine {
        idle_runner tasks{};
    };
    bench third;
    third.put_directories();
    third.at.is_critical("web");
    {
        const auto next = third.at.here.files.lock(lock_of_next, {});
        REQUIRE(next);
        CHECK(third.work() == worker_end::waiting);
    }
    CHECK(third.at.ran.empty());
    CHECK(third.at.said("failed").empty());

    node at;
    machine here;
    here.consul = at.here.consul;
    at.is_critical("web");
    std::optional<testing::memory_files::lock_type> newer;
    here.clock.meanwhile = [&] {
        if (here.clock.monotonic() < seconds(7) || newer) return;
        // As the newer one does: it waits for the older one to leave.
        auto got = here.files.lock(lock_of_next, {});
        REQUIRE(got);
        CHECK_FALSE(here.files.lock(lock_of_worker, {}));
        newer.emplace(std::move(*got));
    };
    const auto now = [&]() -> result<settings> { return settings{&at, at.set}; };
    CHECK(heal::worker{here, now, [] { return false; }}.run() == worker_end::replaced);
    CHECK(here.clock.monotonic() <= milliseconds{7'500});
    CHECK(here.files.lock(lock_of_worker, {}));
    CHECK(here.tasks.started == 1);
}

TEST_CASE("a lock that cannot be had, and a directory of somebody else, are told") {
    bench on;
    on.put_directories();
    on.at.here.files.fail_on(lock_of_worker, {errc::io, "broken"});
    CHECK(on.work() == worker_end::lost);
    CHECK(on.at.said("failed") ==
          lines{"error failed  critical error=broken; no further attempts are made until a handler is called again"});
    bench other;
    other.at.here.files.put("/state", "", {file_kind::directory, 0700, 4711, 4711, 0, 0});
    CHECK(other.work() == worker_end::lost);
    CHECK(other.at.said("failed").size() == 1);
}

TEST_CASE("a service for which there is no thread yet is tried again") {
    struct machine : watched::machine {
        idle_runner tasks{};
    };
    node at;
    machine here;
    here.consul = at.here.consul;
    here.tasks.refuses = 3;
    here.jobs.on({"/bin/sh", "-c", "heal web"}, 0);
    at.is_critical("web");
    bool old = false;
    here.clock.meanwhile = [&] { old = here.tasks.started > 0; };
    const auto now = [&]() -> result<settings> { return settings{&at, at.set}; };
    CHECK(heal::worker{here, now, [&] { return old; }}.run() == worker_end::renewed);
    CHECK(here.tasks.started == 1);
}

TEST_CASE("what is wrong with one service's journal does not keep it from the others") {
    bench on;
    on.put_directories();
    on.at.is_critical("web");
    on.at.here.files.put("/state/journal/mail.json", "{}");
    on.at.here.files.fail_on("/state/journal/mail.json", {errc::io, "broken"});
    on.passes_when_it_runs("web");
    on.each_time([&](std::int64_t second) {
        if (second > 60) on.at.here.files.heal("/state/journal/mail.json");
    });
    CHECK(on.work() == worker_end::done);
    CHECK(on.at.ran.size() == 1);
}

// --- side by side, in real time ---

namespace {

/// Several threads may ask it; when the agent was asked for its checks is kept.
struct shared_consul {
    std::mutex guard{};
    store answers{{.node = std::string{watched::me}, .datacenter = "hq"}};
    std::vector<milliseconds> asked{};

    void is(const std::string& service, store_status status) {
        const std::lock_guard hold{guard};
        answers.add("hq", {.service = service,
                           .node = std::string{watched::me},
                           .checks = {{service + "-role", {status, "says so"}}}});
    }
    void trigger(const std::string& service) {
        const std::lock_guard hold{guard};
        answers.put("hq", "triggers/production/" + service + "/standalone/critical", "heal " + service);
    }
    [[nodiscard]] auto questions() -> std::vector<milliseconds> {
        const std::lock_guard hold{guard};
        return asked;
    }
};

struct consul_connection {
    shared_consul* to{};

    [[nodiscard]] auto perform(const http_request& request) const -> result<http_response> {
        const std::lock_guard hold{to->guard};
        if (request.target == "/v1/agent/checks") to->asked.push_back(posix_clock{}.monotonic());
        return to->answers.perform(request);
    }
};

/// Its jobs run until a test lets them end, or at once.
struct gated_supervisor {
    std::mutex guard{};
    std::condition_variable changed{};
    std::map<std::string, bool> gates{};  ///< closed while true
    std::vector<std::string> begun{};
    std::function<void(const std::string&)> effect{};

    template <typename Ready>
    [[nodiscard]] auto run(const job& what, Ready&& ready) -> result<job_outcome> {
        if (auto agreed = ready(process_mark{1, 1, "boot"}); !agreed) return unexpected{agreed.error()};
        const std::string service = what.argv.back().substr(5);
        std::unique_lock hold{guard};
        begun.push_back(service);
        changed.notify_all();
        changed.wait_for(hold, std::chrono::seconds(20), [&] { return !gates[service]; });
        hold.unlock();
        if (effect) effect(service);
        return job_outcome{};
    }
    [[nodiscard]] auto is_running(const process_mark&) -> result<bool> { return false; }
    [[nodiscard]] auto end(const process_mark&) -> result<void> { return {}; }

    [[nodiscard]] auto wait_for(const std::vector<std::string>& all) -> bool {
        std::unique_lock hold{guard};
        return changed.wait_for(hold, std::chrono::seconds(15), [&] {
            return std::ranges::all_of(all, [&](const auto& each) { return std::ranges::count(begun, each) > 0; });
        });
    }
    void open(const std::string& service) {
        const std::lock_guard hold{guard};
        gates[service] = false;
        changed.notify_all();
    }
};

struct real_machine {
    consul_connection consul{};
    posix_clock clock{};
    posix_files files{};
    testing::fake_executor programs{};
    gated_supervisor& jobs;
    no_unit_source units{};
    testing::memory_accounts users{};
    testing::recording_log& log;
    testing::fake_network network{};
    testing::fake_network web{};
    thread_runner tasks{};
    std::string name{watched::me};
};
static_assert(host<real_machine>);

struct real_settings {
    heal::watch_setup set{};
    consul_connection to{};
    [[nodiscard]] auto connect() const -> result<consul_connection> { return to; }
};

struct real_bench {
    std::string directory = "/tmp/powerconsul-worker-XXXXXX";
    shared_consul consul{};
    gated_supervisor jobs{};
    testing::recording_log log{};
    std::size_t at_once{4};

    real_bench() {
        REQUIRE(::mkdtemp(directory.data()) != nullptr);
        jobs.effect = [this](const std::string& service) { consul.is(service, store_status::passing); };
    }
    real_bench(const real_bench&) = delete;
    auto operator=(const real_bench&) -> real_bench& = delete;
    ~real_bench() {
        static_cast<void>(std::system(("rm -rf " + directory).c_str()));
    }  // NOLINT: a path that mkdtemp made

    [[nodiscard]] auto work() -> worker_end {
        real_machine here{.consul = {&consul}, .jobs = jobs, .log = log};
        const auto settings = [&]() -> result<real_settings> {
            heal::watch_setup set{.state_dir = directory + "/state", .roles = {}, .watch = {}};
            set.roles.who.host = watched::me;
            set.watch.at_once = at_once;
            return real_settings{set, {&consul}};
        };
        return heal::worker{here, settings, [] { return false; }}.run();
    }
    void is_critical(const std::string& service) {
        consul.trigger(service);
        consul.is(service, store_status::critical);
    }
};

}  // namespace

TEST_CASE("a slow trigger holds up no other, and the agent is asked once a second and before each trigger") {
    real_bench on;
    on.jobs.gates["slow"] = true;
    const std::vector<std::string> others{"web", "mail", "db"};
    on.is_critical("slow");
    for (const auto& each : others) on.is_critical(each);
    worker_end end{};
    std::thread working{[&] { end = on.work(); }};
    CHECK(on.jobs.wait_for({"slow"}));
    CHECK(on.jobs.wait_for(others));
    // One that fails later is seen to as well.
    on.is_critical("late");
    CHECK(on.jobs.wait_for({"late"}));
    {
        const std::lock_guard hold{on.jobs.guard};
        CHECK(on.jobs.gates["slow"]);
    }
    on.jobs.open("slow");
    working.join();
    CHECK(end == worker_end::done);
    CHECK(on.jobs.begun.size() == 5);
    CHECK(on.log.events("incident closed").size() == 5);
    // Each trigger has a last look of its own; the others are for all services.
    const auto asked = on.consul.questions();
    std::size_t between = 0;
    std::optional<milliseconds> last;
    for (const auto& each : asked) {
        const bool soon = last && (each - *last).count < 995;
        if (soon) ++between;
        if (!soon) last = each;
    }
    CHECK(between <= on.jobs.begun.size());
}

TEST_CASE("a newer worker works while the older one waits for its trigger, which does not run twice") {
    real_bench on;
    on.jobs.gates["slow"] = true;
    on.is_critical("slow");
    worker_end first{};
    worker_end second{};
    std::atomic<bool> left{false};
    std::thread older{[&] {
        first = on.work();
        left = true;
    }};
    CHECK(on.jobs.wait_for({"slow"}));
    on.is_critical("web");
    std::thread newer{[&] { second = on.work(); }};
    CHECK(on.jobs.wait_for({"web"}));
    CHECK_FALSE(left);
    on.jobs.open("slow");
    older.join();
    newer.join();
    CHECK(first == worker_end::replaced);
    CHECK(second == worker_end::done);
    CHECK(on.jobs.begun == std::vector<std::string>{"slow", "web"});
    CHECK(on.log.events("failed").empty());
}

TEST_CASE("with one place, services take turns in the order of their due times") {
    real_bench on;
    on.at_once = 1;
    on.jobs.gates["first"] = true;
    on.is_critical("first");
    worker_end end{};
    std::thread working{[&] { end = on.work(); }};
    CHECK(on.jobs.wait_for({"first"}));
    // Their incidents are older, and one after the other.
    const std::vector<std::string> in_turn{"third", "second", "a-fourth"};
    posix_files files;
    journal_directory journals{files, on.directory + "/state"};
    for (std::size_t i = 0; i < in_turn.size(); ++i) {
        journal made{.service = in_turn[i]};
        const milliseconds opened = posix_clock{}.wall() - seconds(30 - static_cast<std::int64_t>(i));
        add_incident(made, bad_state::critical, std::string{watched::me}, opened)
            .checks.push_back({in_turn[i], in_turn[i] + "-role", true, opened, 0, 0});
        REQUIRE(journals.save(made));
        on.is_critical(in_turn[i]);
    }
    const auto waits = [&](const std::string& each) {
        return std::ranges::count(on.log.events("nothing done"), each, &event::service) > 0;
    };
    for (int tries = 0; tries < 150 && !std::ranges::all_of(in_turn, waits); ++tries) posix_clock{}.sleep({100});
    on.jobs.open("first");
    working.join();
    CHECK(end == worker_end::done);
    REQUIRE(on.jobs.begun.size() == 4);
    CHECK(std::vector<std::string>{on.jobs.begun.begin() + 1, on.jobs.begun.end()} == in_turn);
}
