#include <powerconsul/heal/watch.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
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
    one.checks.push_back({service, service + "-role", true, testing::manual_clock{}.wall(), 0, 15});
    one.opened = testing::manual_clock{}.wall();
    one.id = incident_id(one, service);
    return one;
}

void keep(node& at, const std::string& service, std::vector<incident> incidents) {
    at.here.files.put("/state/journal/" + service + ".json",
                      json::encode_journal({.service = service, .incidents = std::move(incidents)}));
}

}  // namespace

// --- what is known ---

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

TEST_CASE("the services with something to see to, of all journals") {
    struct row {
        std::string_view name;
        void (*change)(node&);
        std::optional<lines> open;
    };
    const row rows[] = {
        {"no state directory", [](node&) {}, lines{}},
        {"open", [](node& at) { keep(at, "web", {incident_of("web")}); }, lines{"web"}},
        {"of the other state", [](node& at) { keep(at, "web", {incident_of("web", bad_state::warning)}); }, lines{}},
        {"given up",
         [](node& at) {
             auto one = incident_of("web");
             one.attempts = 5;
             one.given_up = true;
             keep(at, "web", {one});
         },
         lines{"web"}},
        {"closed",
         [](node& at) {
             auto one = incident_of("web");
             one.closed = one.opened + seconds(1);
             keep(at, "web", {one});
         },
         lines{}},
        {"closed, and that is still to be told",
         [](node& at) {
             auto one = incident_of("web");
             one.closed = one.opened + seconds(1);
             one.owed = notice::passing;
             keep(at, "web", {one});
         },
         lines{"web"}},
        {"several",
         [](node& at) {
             for (const std::string each : {"web", "mail", "db"}) keep(at, each, {incident_of(each)});
         },
         lines{"db", "mail", "web"}},
        {"one that cannot be read",
         [](node& at) {
             keep(at, "web", {incident_of("web")});
             keep(at, "mail", {});
             at.here.files.fail_on("/state/journal/mail.json", {errc::io, "broken"});
         },
         lines{"mail", "web"}},
        {"none can be listed",
         [](node& at) {
             keep(at, "mail", {});
             at.here.files.fail_on("/state/journal", {errc::io, "broken"});
         },
         {}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        node at;
        each.change(at);
        const auto open = heal::open_services(at.here.files, "/state", bad_state::critical);
        REQUIRE(open.has_value() == each.open.has_value());
        if (open) CHECK(*open == *each.open);
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
    CHECK(done->reports[0].incidents.at(0).outcome);
    CHECK(done->reports[1].incidents.at(0).what == step::closed);
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
    CHECK(done->reports.at(0).incidents.at(0).why ==
          "there is no trigger at triggers/production/web/standalone/warning or triggers/web/standalone/warning");
    CHECK(at.ran.empty());
}

TEST_CASE("a trigger runs again, is given up loudly and once, and anew when it was acknowledged") {
    node at;
    at.set.watch.retry = {
        .backoff = seconds(10), .longest = seconds(60), .attempts = 2, .settle = seconds(5), .forget = seconds(600)};
    at.is_critical("web");
    for (int second = 0; second < 60; second += 5) {
        CHECK(at.handle({"web"}));
        at.here.clock.advance(seconds(5));
    }
    CHECK(at.ran == lines{"0 web", "10 web"});
    CHECK(at.said("gave up") == lines{"error gave up web critical check=web-role attempts=2 "
                                      "key=triggers/production/web/standalone/critical "
                                      "todo=see to it by hand, then: powerconsul incidents ack web"});
    CHECK(at.handle({"web"})->reports.at(0).incidents.at(0).what == step::given_up);
    CHECK(heal::given_up_note(at.here.files, "/state", "web") ==
          "powerconsul/given-up: triggers/production/web/standalone/critical does not heal it; see powerconsul "
          "incidents");
    CHECK(*heal::acknowledge(at.here.files, "/state", "web", seconds(1)) == 1);
    CHECK(heal::given_up_note(at.here.files, "/state", "web").empty());
    CHECK(at.handle({"web"}));
    CHECK(at.ran == lines{"0 web", "10 web", "60 web"});
}

TEST_CASE("whoever waits for a place is tried until there is one, in the order of their due times") {
    node at;
    at.set.watch.at_once = 1;
    for (const std::string service : {"web", "mail"}) at.is_critical(service);
    REQUIRE(at.here.files.make_directory("/state"));
    REQUIRE(at.here.files.make_directory("/state/journal"));
    std::optional<testing::memory_files::lock_type> held;
    held.emplace(*at.here.files.lock("/state/journal/slot-0.lock", {}));
    at.here.clock.meanwhile = [&] {
        if (at.here.clock.monotonic() >= seconds(20)) held.reset();
    };
    CHECK_FALSE(at.handle({"web", "mail"})->failure());
    CHECK(at.ran == lines{"20 web", "20 mail"});
    // Nobody waits for ever.
    held.reset();
    at.here.clock.meanwhile = {};
    node full;
    full.set.watch.at_once = 1;
    full.is_critical("web");
    REQUIRE(full.here.files.make_directory("/state"));
    REQUIRE(full.here.files.make_directory("/state/journal"));
    const auto place = full.here.files.lock("/state/journal/slot-0.lock", {});
    CHECK(full.handle({"web"})->failure()->code == errc::timed_out);
    CHECK(full.here.clock.monotonic() <= seconds(76));
    CHECK(full.ran.empty());
}

TEST_CASE("what an event asks, reads and writes, by the number of its services") {
    struct counted {
        store_view to;
        std::map<std::string, std::size_t>* asked;
        auto perform(const http_request& request) -> result<http_response> {
            for (const std::string kind : {"/v1/kv/triggers", "/v1/kv/cluster", "/v1/kv/pauses", "/v1/agent/checks"}) {
                if (request.target.starts_with(kind)) ++(*asked)[kind.substr(kind.rfind('/') + 1)];
            }
            ++(*asked)["in all"];
            return to.perform(request);
        }
    };
    struct cost {
        std::map<std::string, std::size_t> asked{};
        std::size_t journals_read{};
        std::size_t flushed{};
    };
    for (const std::size_t count : {1U, 10U, 100U}) {
        CAPTURE(count);
        node at;
        lines services;
        for (std::size_t i = 0; i < count; ++i) services.push_back("s" + std::to_string(i));
        for (const auto& each : services) at.is_critical(each);
        const auto event = [&](bool seen) {
            cost found;
            at.here.files.reads.clear();
            at.here.files.flushed.clear();
            const auto connect = [&] { return result{counted{at.here.consul, &found.asked}}; };
            std::optional<heal::agent_view> view;
            if (seen) {
                auto looked = heal::look_at_agent(at.connect(), at.here.clock, seconds(5));
                REQUIRE(looked);
                view = std::move(*looked);
            }
            std::vector<snapshot_check> listed;
            for (const auto& each : services) listed.push_back(node::entry(each));
            const auto done = heal::handle_all(at.here, connect, at.set, std::move(listed), std::move(view));
            REQUIRE(done);
            CHECK_FALSE(done->failure());
            CHECK(done->reports.size() == count);
            found.journals_read = static_cast<std::size_t>(std::ranges::count_if(at.here.files.reads, [](auto& each) {
                return each.starts_with("/state/journal/") && each.ends_with(".json");
            }));
            found.flushed = at.here.files.flushed.size();
            return found;
        };
        using asked = std::map<std::string, std::size_t>;
        const auto first = event(false);
        CHECK(first.asked ==
              asked{{"checks", 1}, {"cluster", count}, {"triggers", 2 * count}, {"in all", 3 * count + 1}});
        CHECK(first.journals_read == 0);
        CHECK(first.flushed == count);
        // Nothing has changed but, perhaps, that there is a trigger now.
        const auto again = event(false);
        const std::size_t about_triggers = count > trigger_list::few ? trigger_list::few + 1 : 2 * count;
        CHECK(again.asked.at("checks") == 1);
        CHECK(again.asked.at("triggers") <= about_triggers);
        CHECK(again.asked.at("in all") == again.asked.at("triggers") + 1);
        CHECK(again.journals_read == count);
        CHECK(again.flushed == 0);
        CHECK_FALSE(event(true).asked.contains("checks"));

        for (const auto& each : services) {
            at.consul.put("hq", "triggers/production/" + each + "/standalone/critical", "heal " + each);
            at.here.jobs.on({"/bin/sh", "-c", "heal " + each}, 0);
        }
        const auto healing = event(true);
        CHECK(at.ran.size() == count);
        CHECK(healing.asked.at("checks") == count);  // the last look before each trigger
        CHECK(healing.flushed == 2 * count);         // an intent and an outcome each
        // While what was done has its time to settle, or nothing may act, only the agent is asked.
        CHECK(event(false).asked == asked{{"checks", 1}, {"in all", 1}});
        at.here.clock.advance(seconds(120));
        at.here.files.put("/stop", "");
        CHECK(event(false).asked == asked{{"checks", 1}, {"in all", 1}});
        CHECK(at.ran.size() == count);
    }
}

TEST_CASE("an incident closes when the agent has the check passing, with what became of it") {
    node at;
    at.is_critical("web");
    REQUIRE(at.handle({"web"}));
    at.is("web", store_status::passing, "well");
    const auto done = at.handle({});
    REQUIRE(done);
    CHECK(done->reports.at(0).incidents.at(0).what == step::closed);
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
        const auto done = at.handle({"web", "db", "mail"});
        REQUIRE(done);
        REQUIRE(done->failure());
        CHECK(done->failure()->code == errc::timed_out);
        CHECK(done->reports.at(2).cause == done->failure());
    }
    at.here.files.put("/state/journal/mail.json", "");
    at.here.files.fail_on("/state/journal/mail.json", {errc::io, "broken"});
    const auto before = at.said("failed").size();
    CHECK(at.handle({"mail", "web", "db"})->failure() == error{errc::io, "broken"});
    CHECK(at.said("failed").size() == before + 1);
    CHECK(at.ran == lines{"0 web", "0 db", "75 web", "75 db"});
}

TEST_CASE("a lock is waited for as long as a trigger may run, and Consul for five eighths of the time at most") {
    node at;
    at.is_critical("web");
    at.set.watch.triggers.timeout = seconds(20);
    at.set.watch.triggers.grace = seconds(3);
    keep(at, "db", {});
    {
        const auto held = at.here.files.lock("/state/journal/web.json.lock", {});
        REQUIRE(at.handle({"web"}));
    }
    CHECK(std::ranges::count(at.here.files.waits,
                             std::pair{std::string{"/state/journal/web.json.lock"}, std::int64_t{28'000}}) > 0);

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
    struct backwards : sequential_runner {
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
    CHECK(direct.reports.at(0).incidents.at(0).why == why);
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

TEST_CASE("acknowledging gives all attempts again, whether or not they were given up") {
    node at;
    const auto acknowledged = [&](const std::string& service) {
        return heal::acknowledge(at.here.files, "/state", service, seconds(8));
    };
    CHECK(acknowledged("web").error() ==
          error{errc::bad_data, "there are no incidents of \"web\"; see powerconsul incidents"});
    CHECK(acknowledged("../web").error().code == validate_segment("", "../web").error().code);

    auto given_up = incident_of("web");
    given_up.given_up = true;
    given_up.key = "triggers/web/standalone/critical";
    auto closed = given_up;
    closed.id = "closed";
    closed.closed = closed.opened + seconds(1);
    journal kept{.service = "web", .incidents = {given_up, closed}};
    kept.ledgers.push_back({.key = given_up.key, .attempts = 5, .given_up = true, .ended = given_up.opened});
    kept.ledgers.push_back({.key = "triggers/web/standalone/warning", .attempts = 2, .ended = given_up.opened});
    at.here.files.put("/state/journal/web.json", json::encode_journal(kept));
    {
        const auto held = at.here.files.lock("/state/journal/web.json.lock", {});
        CHECK(acknowledged("web").error().code == errc::timed_out);
        CHECK(at.here.files.waits.back().second == 8000);
    }
    CHECK(*acknowledged("web") == 2);
    const auto all = heal::load_all(at.here.files, "/state");
    REQUIRE(all);
    CHECK((*all)[0].value.ledgers.empty());
    CHECK_FALSE((*all)[0].value.incidents.at(0).given_up);
    // One that is open and waits for something else is looked at again, too.
    CHECK(*acknowledged("web") == 0);

    at.here.files.put("/state/journal/web.json", json::encode_journal({.service = "web", .incidents = {closed}}));
    CHECK(acknowledged("web").error() ==
          error{errc::bad_data, "no incident of \"web\" is open, and no trigger of it has used an attempt"});
    at.here.files.fail_on("/state/journal/web.json", {errc::io, "broken"});
    CHECK(acknowledged("web").error() == error{errc::io, "broken"});
    at.here.files.fail_on("/state/journal", {errc::io, "all broken"});
    CHECK(acknowledged("web").error() == error{errc::io, "all broken"});
}

TEST_CASE("what was acknowledged is tried at the next look, also while the last attempt had its time to settle") {
    node at;
    at.is_critical("web");
    REQUIRE(at.handle({"web"}));
    at.here.clock.advance(seconds(2));
    REQUIRE(at.handle({"web"}));
    CHECK(at.ran == lines{"0 web"});
    REQUIRE(heal::acknowledge(at.here.files, "/state", "web", seconds(1)));
    REQUIRE(at.handle({"web"}));
    CHECK(at.ran == lines{"0 web", "2 web"});
}
