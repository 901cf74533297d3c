#include <powerconsul/heal/watch.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/heal/journal_json.hpp>
#include <powerconsul/testing/fakes.hpp>

#include "watched.hpp"

using namespace powerconsul;
using watched::lines;
using watched::node;

namespace {

[[nodiscard]] auto names(const std::vector<listed_service>& all) -> lines {
    lines found;
    for (const auto& each : all) found.push_back(each.service);
    return found;
}

[[nodiscard]] auto ids(const std::vector<snapshot_check>& all) -> lines {
    lines found;
    for (const auto& each : all) found.push_back(each.check_id);
    return found;
}

/// An incident of a service's one check, opened at the clock's beginning.
[[nodiscard]] auto incident_of(const std::string& service, bad_state state = bad_state::critical) -> incident {
    incident one;
    one.state = state;
    one.node = watched::me;
    one.service_id = service;
    one.check_id = service + "-role";
    one.opened = testing::manual_clock{}.wall();
    one.id = incident_id(one);
    return one;
}

void keep(node& at, const std::string& service, std::vector<incident> incidents) {
    at.here.files.put("/state/journal/" + service + ".json", json::encode_journal({service, std::move(incidents)}));
}

}  // namespace

// --- what is known ---

TEST_CASE("nothing may act while the stop file is there, or cannot be looked at") {
    testing::memory_files files;
    CHECK(heal::stop_reason(files, "/stop").empty());
    files.put("/stop", "");
    CHECK(heal::stop_reason(files, "/stop") == "the stop file \"/stop\" is there; delete it to let triggers run");
    files.fail_on("/stop", {errc::denied, "no right to look"});
    CHECK(heal::stop_reason(files, "/stop") == "it cannot be told whether the stop file is there: no right to look");
}

TEST_CASE("the agent's name comes from its checks or, without any, from itself") {
    const auto look = [](testing::fake_transport agent, milliseconds limit = seconds(5)) {
        testing::manual_clock time;
        return heal::look_at_agent([&] { return result{std::move(agent)}; }, time, limit);
    };
    const std::string self = R"({"Config": {"NodeName": "web9", "Datacenter": "hq"}, "Member": {"Name": "web9"}})";
    testing::fake_transport full;
    full.on(http_method::get, "/v1/agent/checks", 200,
            R"({"a": {"Node": "web8", "CheckID": "a", "Status": "passing", "ServiceName": "web"}})");
    const auto known = look(full);
    REQUIRE(known);
    CHECK(known->node == "web8");
    CHECK(ids(known->checks) == lines{"a"});

    testing::fake_transport empty;
    empty.on(http_method::get, "/v1/agent/checks", 200, "{}").on(http_method::get, "/v1/agent/self", 200, self);
    CHECK(look(empty)->node == "web9");

    // Consul Enterprise: the partition and the namespace come the same way, and else from how Consul is asked.
    CHECK(known->own({}) == own_checks{"web8", {}, {}});
    CHECK(known->own({"team", "east"}) == own_checks{"web8", "east", "team"});
    testing::fake_transport parted;
    parted.on(http_method::get, "/v1/agent/checks", 200,
              R"({"a": {"Node": "web8", "CheckID": "a", "Status": "passing", "ServiceName": "web",
                        "Partition": "west", "Namespace": "blue"}})");
    CHECK(look(parted)->own({"team", "east"}) == own_checks{"web8", "west", "blue"});
    testing::fake_transport idle;
    idle.on(http_method::get, "/v1/agent/checks", 200, "{}");
    idle.on(http_method::get, "/v1/agent/self", 200,
            R"({"Config": {"NodeName": "web9", "Datacenter": "hq", "Partition": "west"}})");
    CHECK(look(idle)->own({}) == own_checks{"web9", "west", {}});

    testing::fake_transport mute;
    mute.on(http_method::get, "/v1/agent/checks", 200, "{}");
    mute.on(http_method::get, "/v1/agent/self", fail(errc::unavailable, "gone"));
    CHECK(look(mute).error().code == errc::unavailable);
    CHECK(look(testing::fake_transport{}).error().code == errc::failed);
    CHECK(look(full, {0}).error().code == errc::timed_out);

    testing::manual_clock time;
    const auto nobody = [] { return result<testing::fake_transport>{fail(errc::configuration, "no certificate")}; };
    CHECK(heal::look_at_agent(nobody, time, seconds(5)).error() == error{errc::configuration, "no certificate"});
}

TEST_CASE("the agent's checks of services in the state are as a watch would list them") {
    const auto check = [](std::string id, std::string service, std::string status, std::string on = {}) {
        snapshot_check made;
        made.node = std::move(on);
        made.check_id = std::move(id);
        made.service_name = std::move(service);
        made.status = std::move(status);
        made.create_index = 3;
        made.modify_index = 4;
        return made;
    };
    const heal::agent_view view{"web8",
                                {check("a", "web", "critical"), check("b", "web", "warning", "web8"),
                                 check("serfHealth", "", "critical"), check("c", "mail", "passing"),
                                 check("_service_maintenance:web", "web", "critical"), check("d", "mail", "critical")},
                                {},
                                {}};
    const auto critical = heal::from_agent(view, bad_state::critical);
    CHECK(ids(critical) == lines{"a", "d"});
    for (const auto& each : critical) {
        CHECK(each.node == "web8");
        CHECK(each.create_index == 0);
        CHECK(each.modify_index == 0);
    }
    CHECK(ids(heal::from_agent(view, bad_state::warning)) == lines{"b"});
}

TEST_CASE("a check that was named without its node gets it from the agent, and its service's id if it is the same") {
    heal::agent_view view{"web8", {node::entry("web")}, {}, {}};
    view.checks[0].service_id = "web-1";
    snapshot_check named;
    named.service_name = "web";
    named.check_id = "web-role";
    heal::complete(named, view);
    CHECK(named.node == "web8");
    CHECK(named.service_id == "web-1");

    snapshot_check other;
    other.service_name = "mail";
    other.service_id = "mail-2";
    other.check_id = "web-role";
    heal::complete(other, view);
    CHECK(other.node == "web8");
    CHECK(other.service_id == "mail-2");
}

TEST_CASE("what is open and when it is due, of all journals") {
    struct row {
        std::string_view name;
        void (*change)(node&);
        std::optional<lines> open;
        std::optional<std::optional<std::int64_t>> due;  ///< milliseconds after the clock's beginning
    };
    const std::optional<std::int64_t> none;
    const row rows[] = {
        {"no state directory", [](node&) {}, lines{}, none},
        {"one that may be tried at once", [](node& at) { keep(at, "web", {incident_of("web")}); }, lines{"web"}, 0},
        {"of the other state", [](node& at) { keep(at, "web", {incident_of("web", bad_state::warning)}); }, lines{},
         none},
        {"given up",
         [](node& at) {
             auto one = incident_of("web");
             one.attempts = 5;
             one.given_up = true;
             keep(at, "web", {one});
         },
         lines{"web"}, none},
        {"closed",
         [](node& at) {
             auto one = incident_of("web");
             one.closed = one.opened + seconds(1);
             keep(at, "web", {one});
         },
         lines{}, none},
        {"the soonest of several",
         [](node& at) {
             auto one = incident_of("web");
             one.opened.count += 9000;
             auto two = incident_of("mail");
             two.opened.count += 4000;
             auto three = incident_of("db");
             three.opened.count += 7000;
             keep(at, "web", {one});
             keep(at, "mail", {two});
             keep(at, "db", {three});
         },
         lines{"db", "mail", "web"}, 4000},
        {"one that cannot be read beside another",
         [](node& at) {
             keep(at, "web", {incident_of("web")});
             keep(at, "mail", {});
             at.here.files.fail_on("/state/journal/mail.json", {errc::io, "broken"});
         },
         lines{"mail", "web"}, 0},
        {"one that cannot be read, and no other",
         [](node& at) {
             keep(at, "mail", {});
             at.here.files.fail_on("/state/journal/mail.json", {errc::io, "broken"});
         },
         lines{"mail"},
         {}},
        {"none can be listed",
         [](node& at) {
             keep(at, "mail", {});
             at.here.files.fail_on("/state/journal", {errc::io, "broken"});
         },
         {},
         {}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        node at;
        each.change(at);
        const auto open = heal::open_services(at.here.files, "/state", bad_state::critical);
        REQUIRE(open.has_value() == each.open.has_value());
        if (open) CHECK(*open == *each.open);
        const auto due = heal::next_due(at.here.files, "/state", bad_state::critical, {});
        REQUIRE(due.has_value() == each.due.has_value());
        if (!due) continue;
        REQUIRE(due->has_value() == each.due->has_value());
        if (*due) CHECK((**due - at.here.clock.wall()).count == **each.due);
    }
}

TEST_CASE("all journals are loaded with their notes, or none") {
    node at;
    keep(at, "web", {incident_of("web")});
    at.here.files.put("/state/journal/db.json", "damaged");
    const auto all = heal::load_all(at.here.files, "/state");
    REQUIRE(all);
    REQUIRE(all->size() == 2);
    CHECK((*all)[0].value.service == "db");
    CHECK((*all)[0].note.starts_with("/state/journal/db.json: not valid JSON"));
    CHECK((*all)[1].value.incidents.size() == 1);
    at.here.files.fail_on("/state/journal/web.json", {errc::io, "broken"});
    CHECK(heal::load_all(at.here.files, "/state").error() == error{errc::io, "broken"});
}

// --- what is done ---

TEST_CASE("every service with an entry in the state or an open incident of it is seen to, over its own transport") {
    node at;
    keep(at, "db", {incident_of("db")});
    keep(at, "web", {incident_of("web", bad_state::warning)});
    at.is_critical("mail");
    at.is("db", store_status::passing, "well");
    std::vector<snapshot_check> listed{node::entry("web", "warning"), node::entry("mail")};
    const auto done = heal::handle_all(at.here, at.connect(), at.set, std::move(listed));
    REQUIRE(done);
    CHECK(names(done->listed) == lines{"mail", "db"});
    CHECK(done->stopped.empty());
    CHECK_FALSE(done->failure());
    CHECK(at.connected == 2);
    REQUIRE(done->reports.size() == 2);
    CHECK(done->reports[0].service == "mail");
    CHECK(done->reports[0].checks.at(0).outcome);
    CHECK(done->reports[1].checks.at(0).what == step::closed);
    CHECK(at.ran == lines{"0 mail"});
}

TEST_CASE("the state of the watch is its own") {
    node at;
    at.set.watch.state = bad_state::warning;
    REQUIRE(at.handle({"web"}));
    CHECK(at.connected == 0);
    at.is("web", store_status::warning);
    const auto done = at.handle({"web"}, "warning");
    REQUIRE(done);
    CHECK(done->reports.at(0).checks.at(0).why ==
          "there is no trigger at triggers/production/web/standalone/warning or triggers/web/standalone/warning");
    CHECK(at.ran.empty());
}

TEST_CASE("a trigger runs again after the back-off, is given up loudly and once, and anew when it was acknowledged") {
    node at;
    at.set.watch.retry = {.backoff = seconds(10), .longest = seconds(60), .attempts = 2};
    at.is_critical("web");
    for (int second = 0; second < 60; second += 5) {
        CHECK(at.handle({"web"}));
        at.here.clock.advance(seconds(5));
    }
    CHECK(at.ran == lines{"0 web", "10 web"});
    CHECK(at.said("gave up") == lines{"error gave up web critical check=web-role attempts=2 "
                                      "todo=see to it by hand, then: powerconsul incidents ack web"});
    CHECK(at.handle({"web"})->reports.at(0).checks.at(0).what == step::given_up);
    CHECK(*heal::acknowledge(at.here.files, "/state", "web", seconds(1)) == 1);
    CHECK(at.handle({"web"}));
    CHECK(at.ran == lines{"0 web", "10 web", "60 web"});
}

TEST_CASE("an incident closes when the agent has the check passing, with what became of it") {
    node at;
    at.is_critical("web");
    REQUIRE(at.handle({"web"}));
    at.is("web", store_status::passing, "well");
    const auto done = at.handle({});
    REQUIRE(done);
    CHECK(done->reports.at(0).checks.at(0).what == step::closed);
    CHECK(at.said("incident closed") ==
          lines{"info incident closed web critical check=web-role attempts=1 outcome=healed open_ms=0"});
    CHECK(at.handle({})->reports.empty());
}

TEST_CASE("what is wrong with one service does not concern the others, and is what the watch failed with") {
    node at;
    keep(at, "db", {});
    for (const std::string service : {"web", "mail", "db"}) at.is_critical(service);
    {
        const auto held = at.here.files.lock("/state/journal/mail.json.lock", {});
        const auto done = at.handle({"web", "mail", "db"});
        REQUIRE(done);
        REQUIRE(done->failure());
        CHECK(done->failure()->code == errc::timed_out);
        CHECK(done->reports.at(1).cause == done->failure());
    }
    at.here.files.put("/state/journal/mail.json", "");
    at.here.files.fail_on("/state/journal/mail.json", {errc::io, "broken"});
    at.here.clock.advance(seconds(10));
    CHECK(at.handle({"web", "mail", "db"})->failure() == error{errc::io, "broken"});
    CHECK(at.ran == lines{"0 web", "0 db", "10 web", "10 db"});
    CHECK(at.said("failed").size() == 2);
}

TEST_CASE("a lock is waited for as long as a trigger may run, and Consul for five eighths of the time at most") {
    node at;
    at.is_critical("web");
    at.set.watch.triggers.timeout = seconds(20);
    at.set.watch.triggers.grace = seconds(3);
    REQUIRE(at.handle({"web"}));
    CHECK(at.here.files.waits.front() == std::pair{std::string{"/state/journal/web.json.lock"}, std::int64_t{28'000}});

    CHECK(heal::watch_setup{.time = seconds(8)}.agent_time() == seconds(5));
    for (const auto& [time, limit] : {std::pair{seconds(4), milliseconds{2500}}, {seconds(80), seconds(5)}}) {
        std::vector<milliseconds> limits;
        at.set.time = time;
        struct noting {
            store_view asked;
            std::vector<milliseconds>* limits;
            [[nodiscard]] auto perform(const http_request& request) -> result<http_response> {
                limits->push_back(request.timeout);
                return asked.perform(request);
            }
        };
        REQUIRE(heal::handle_all(at.here,
                                 [&] {
                                     return result{noting{at.here.consul, &limits}};
                                 },
                                 at.set, {node::entry("web")}));
        CHECK(limits.at(0) == limit);
    }
}

TEST_CASE("a service without a transport or without memory fails alone") {
    node at;
    for (const std::string service : {"web", "mail", "db"}) at.is_critical(service);
    int asked = 0;
    const auto connect = [&]() -> result<store_view> {
        ++asked;
        if (asked == 1) return fail(errc::configuration, "no certificate");
        if (asked == 2) throw std::bad_alloc{};
        return at.here.consul;
    };
    const auto done =
        heal::handle_all(at.here, connect, at.set, {node::entry("web"), node::entry("mail"), node::entry("db")});
    REQUIRE(done);
    CHECK(done->reports.at(0).cause == error{errc::configuration, "no certificate"});
    CHECK(done->reports.at(1).cause == error{errc::failed, "there is not enough memory"});
    CHECK_FALSE(done->reports.at(2).cause);
    CHECK(at.ran == lines{"0 db"});
    CHECK(at.said("failed") == lines{"error failed mail critical error=there is not enough memory"});
    CHECK(done->failure()->code == errc::configuration);
}

TEST_CASE("reports stand in the order of the services, in whichever order they are done") {
    struct backwards {
        void run(std::size_t count, const std::function<void(std::size_t)>& task) {
            while (count-- > 0) task(count);
        }
    };
    struct machine : watched::machine {
        backwards tasks{};
    };
    node at;
    machine here;
    here.consul = at.here.consul;
    const auto done = heal::handle_all(here, at.connect(), at.set, {node::entry("web"), node::entry("mail")});
    REQUIRE(done);
    CHECK(done->reports.at(0).service == "web");
    CHECK(done->reports.at(1).service == "mail");
    CHECK(here.files.waits.at(0).first == "/state/journal/mail.json.lock");
}

TEST_CASE("nothing is handled if the journals cannot be listed") {
    node at;
    at.is_critical("web");
    keep(at, "web", {});
    at.here.files.fail_on("/state/journal", {errc::io, "broken"});
    CHECK(at.handle({"web"}).error() == error{errc::io, "broken"});
    CHECK(at.connected == 0);
}

TEST_CASE("while it is stopped no trigger runs, also none that is asked for directly") {
    node at;
    at.is_critical("web");
    at.here.files.put("/stop", "");
    const std::string why = "the stop file \"/stop\" is there; delete it to let triggers run";
    CHECK(at.handle({"web"})->stopped == why);
    const auto direct = heal::run_once(at.here, at.set, node::entry("web"));
    CHECK(direct.stopped == why);
    CHECK(direct.reports.at(0).checks.at(0).why == why);
    CHECK(at.ran.empty());
}

TEST_CASE("a trigger that is asked for directly runs without regard to the back-off") {
    node at;
    at.is_critical("web");
    REQUIRE(at.handle({"web"}));
    const auto done = heal::run_once(at.here, at.set, node::entry("web"));
    CHECK(done.stopped.empty());
    CHECK_FALSE(done.failure());
    CHECK(done.reports.at(0).service == "web");
    CHECK(at.ran == lines{"0 web", "0 web"});
    at.consul.set_offline(true);
    CHECK(heal::run_once(at.here, at.set, node::entry("web")).failure()->code == errc::unavailable);
}

TEST_CASE("acknowledging gives all attempts again, to what was given up and is open") {
    node at;
    const auto acknowledged = [&](const std::string& service) {
        return heal::acknowledge(at.here.files, "/state", service, seconds(8));
    };
    CHECK(acknowledged("web").error() ==
          error{errc::bad_data, "there are no incidents of \"web\"; see powerconsul incidents"});
    CHECK(acknowledged("../web").error().code == validate_segment("", "../web").error().code);

    auto given_up = incident_of("web");
    given_up.attempts = 5;
    given_up.last.began = given_up.last.ended = given_up.opened;
    given_up.given_up = true;
    auto closed = given_up;
    closed.check_id = "closed";
    closed.id = incident_id(closed);
    closed.closed = closed.opened + seconds(1);
    keep(at, "web", {given_up, closed, incident_of("web", bad_state::warning)});
    {
        const auto held = at.here.files.lock("/state/journal/web.json.lock", {});
        CHECK(acknowledged("web").error().code == errc::timed_out);
        CHECK(at.here.files.waits.back().second == 8000);
    }
    CHECK(*acknowledged("web") == 1);
    const auto all = heal::load_all(at.here.files, "/state");
    REQUIRE(all);
    const auto& after = (*all)[0].value.incidents;
    CHECK(after.at(0).attempts == 0);
    CHECK_FALSE(after.at(0).given_up);
    CHECK(after.at(1).given_up);
    CHECK(acknowledged("web").error() == error{errc::bad_data, "no open incident of \"web\" was given up"});

    at.here.files.fail_on("/state/journal/web.json", {errc::io, "broken"});
    CHECK(acknowledged("web").error() == error{errc::io, "broken"});
    at.here.files.fail_on("/state/journal", {errc::io, "all broken"});
    CHECK(acknowledged("web").error() == error{errc::io, "all broken"});
}

// --- trying again ---

namespace worker {

using watched::lines;
using watched::node;

namespace {

constexpr const char* worker_lock = "/state/journal/worker-critical.lock";

/// A watch's handler with its worker behind it.
void handle_and_work(node& at, const lines& services) {
    REQUIRE(at.handle(services));
    heal::keep_trying(at.here, at.connect(), at.set);
}

[[nodiscard]] auto now(const node& at) -> std::int64_t {
    return at.here.clock.monotonic().count;
}

}  // namespace

TEST_CASE("it tries at each end of a back-off, and goes home when all attempts are made") {
    node at;
    at.set.watch.retry = {.backoff = seconds(10), .longest = seconds(60), .attempts = 5};
    at.is_critical("web");
    handle_and_work(at, {"web"});
    CHECK(at.ran == lines{"0 web", "10 web", "30 web", "70 web", "130 web"});
    CHECK(at.said("gave up").size() == 1);
    CHECK(now(at) == 190'000);
    // Free again for the next one, which finds nothing to do.
    CHECK(at.here.files.lock(worker_lock, {}));
    heal::keep_trying(at.here, at.connect(), at.set);
    CHECK(now(at) == 190'000);
}

TEST_CASE("a short back-off does not make it busy") {
    node at;
    at.set.watch.retry = {.backoff = {1}, .longest = {1}, .attempts = 4};
    at.is_critical("web");
    handle_and_work(at, {"web"});
    CHECK(at.ran.size() == 4);
    CHECK(at.here.clock.slept == std::vector<std::int64_t>{500, 500, 500, 500});
}

TEST_CASE("it goes home once nothing is left that may be tried") {
    node at;
    at.set.watch.retry.backoff = seconds(60);
    at.is_critical("web");
    at.is_critical("mail");
    at.healing = [&](const std::string& service) {
        if (service == "web" || at.ran.size() == 3) at.is(service, store_status::passing, "well");
    };
    handle_and_work(at, {"web", "mail"});
    CHECK(at.ran == lines{"0 web", "0 mail", "60 mail"});
    CHECK(at.said("incident closed").size() == 2);
    CHECK(now(at) == 60'000);
}

TEST_CASE("on a fresh node, without a directory for its lock, it goes home without a word") {
    node at;
    at.here.files.fail_on(worker_lock, {errc::io, "there is no such directory"});
    heal::keep_trying(at.here, at.connect(), at.set);
    CHECK(at.said("failed").empty());
    CHECK(now(at) == 0);
}

TEST_CASE("incidents of the other state are another worker's") {
    node at;
    at.is_critical("web");
    REQUIRE(at.handle({"web"}));
    at.set.watch.state = bad_state::warning;
    heal::keep_trying(at.here, at.connect(), at.set);
    CHECK(at.here.clock.slept.empty());
    CHECK(at.here.files.waits.back() ==
          std::pair{std::string{"/state/journal/worker-warning.lock"}, std::int64_t{2000}});
}

TEST_CASE("a look from time to time finds incidents of other handlers") {
    node at;
    at.set.watch.retry = {.backoff = seconds(600), .longest = seconds(600), .attempts = 2};
    at.is_critical("web");
    at.here.clock.meanwhile = [&, handled = false]() mutable {
        if (std::exchange(handled, true)) return;
        at.set.watch.retry.backoff = seconds(15);
        at.is_critical("mail");
        REQUIRE(at.handle({"mail"}));
        at.is("web", store_status::passing, "well");
    };
    handle_and_work(at, {"web"});
    CHECK(at.ran == lines{"0 web", "10 mail", "25 mail"});
    CHECK(at.said("incident closed").size() == 1);
    CHECK(at.said("gave up").size() == 1);
}

TEST_CASE("an agent that does not answer, or nobody to ask it, is tried again every ten seconds") {
    node at;
    at.set.watch.retry = {.backoff = seconds(1), .longest = seconds(1), .attempts = 2};
    at.is_critical("web");
    at.here.clock.meanwhile = [&] {
        at.consul.set_offline(now(at) < 15'000);
        at.unconnected.reset();
        if (now(at) > 15'000 && now(at) < 35'000) at.unconnected = error{errc::configuration, "no certificate"};
    };
    handle_and_work(at, {"web"});
    CHECK(at.here.clock.slept == std::vector<std::int64_t>{1000, 10'000, 10'000, 10'000, 10'000, 1000});
    CHECK(at.ran == lines{"0 web", "41 web"});
    CHECK(at.said("failed").empty());
}

TEST_CASE("what goes wrong with one service keeps it from hurrying") {
    node at;
    at.set.watch.retry = {.backoff = seconds(1), .longest = seconds(1), .attempts = 3};
    at.is_critical("web");
    at.is_critical("mail");
    REQUIRE(at.handle({"web"}));
    at.here.files.put("/state/journal/mail.json", "{}");
    at.here.files.fail_on("/state/journal/mail.json", {errc::io, "broken"});
    handle_and_work(at, {"web"});
    CHECK(at.ran == lines{"0 web", "1 web", "11 web"});
    // What cannot be read is all that there may be: six looks in vain, and then it is said.
    CHECK(at.said("failed").back() ==
          "error failed  critical error=the journals cannot be read; no further attempts are made until a handler is "
          "called again");
}

TEST_CASE("journals that cannot be read are given up after six looks") {
    node at;
    at.is_critical("web");
    REQUIRE(at.handle({"web"}));
    at.here.files.fail_on("/state/journal", {errc::io, "broken"});
    heal::keep_trying(at.here, at.connect(), at.set);
    CHECK(at.here.clock.slept == std::vector<std::int64_t>(6, 10'000));
    CHECK(at.ran == lines{"0 web"});
    CHECK(at.said("failed") ==
          lines{"error failed  critical error=the journals cannot be read; no further attempts are "
                "made until a handler is called again"});

    // Five in a row are none too many.
    node other;
    other.set.watch.retry.attempts = 2;
    other.is_critical("web");
    REQUIRE(other.handle({"web"}));
    other.here.files.fail_on("/state/journal", {errc::io, "broken"});
    other.here.clock.meanwhile = [&] {
        if (now(other) == 50'000) other.here.files.heal("/state/journal");
    };
    heal::keep_trying(other.here, other.connect(), other.set);
    CHECK(other.ran == lines{"0 web", "50 web"});
    CHECK(other.said("failed").empty());
}

TEST_CASE("a second worker goes home after two seconds") {
    node at;
    at.is_critical("web");
    REQUIRE(at.handle({"web"}));
    const auto first = at.here.files.lock(worker_lock, {});
    REQUIRE(first);
    heal::keep_trying(at.here, at.connect(), at.set);
    CHECK(at.here.files.waits.back() == std::pair{std::string{worker_lock}, std::int64_t{2000}});
    CHECK(at.here.clock.slept.empty());
    CHECK(at.said("failed").empty());
}

TEST_CASE("a lock that cannot be had is in the log") {
    node at;
    at.is_critical("web");
    REQUIRE(at.handle({"web"}));
    at.here.files.fail_on(worker_lock, {errc::io, "broken"});
    heal::keep_trying(at.here, at.connect(), at.set);
    CHECK(at.here.clock.slept.empty());
    CHECK(at.said("failed") ==
          lines{"error failed  critical error=broken; no further attempts are made until a handler is called again"});
}

TEST_CASE("it survives that there is not enough memory for a while") {
    node at;
    at.set.watch.retry = {.backoff = seconds(1), .longest = seconds(1), .attempts = 2};
    at.is_critical("web");
    at.here.clock.meanwhile = [&] { at.short_of_memory = now(at) < 30'000; };
    handle_and_work(at, {"web"});
    CHECK(at.ran == lines{"0 web", "41 web"});
    CHECK(at.said("failed").empty());

    node for_good;
    for_good.is_critical("web");
    REQUIRE(for_good.handle({"web"}));
    for_good.here.files.short_of_memory = true;
    heal::keep_trying(for_good.here, for_good.connect(), for_good.set);
    CHECK(for_good.here.clock.slept == std::vector<std::int64_t>(6, 10'000));
    CHECK(for_good.said("failed").size() == 1);
}

}  // namespace worker
