#include <powerconsul/doctor/service_findings.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "holds.hpp"

using namespace powerconsul;

namespace {

using words = std::vector<std::string>;

}  // namespace

TEST_CASE("where a service is registered") {
    struct row {
        std::string_view name;
        registration_facts facts;
        condition state;
        std::string_view says;
    };
    const auto of = [](words nodes, std::optional<words> agent, words files, bool standalone = false) {
        return registration_facts{.service = "mial",
                                  .check = "role",
                                  .node = "web1",
                                  .nodes = std::move(nodes),
                                  .agent = std::move(agent),
                                  .files = std::move(files),
                                  .standalone = standalone};
    };
    auto denied = of({}, words{"mail"}, {});
    denied.missing = std::vector<acl_right>{{acl_resource::service, "mial"}};
    auto unanswered = of({}, words{}, {});
    unanswered.nodes = fail(errc::unavailable, "no leader");
    auto unasked = of({}, words{}, {});
    unasked.missing = fail(errc::timed_out, "too late");
    auto by_hand = of({}, words{"mail"}, {});
    by_hand.check.clear();
    const row rows[] = {
        {"here", of({"WEB1"}, words{"mial"}, {}), condition::ok, "on this node"},
        {"here, twice", of({"web1", "web1"}, {}, {}, true), condition::ok, "on this node"},
        {"on several, with a document", of({"web2", "web1"}, {}, {}), condition::ok, "on 2 nodes"},
        {"on several, standalone", of({"web2", "web1", "web2"}, {}, {}, true), condition::warning,
         R"(on 2 nodes and has no cluster document: each of them is to keep it running; write its document; {"mode")"},
        {"the agent has it alone", of({"web2"}, words{"mial"}, {}), condition::error, "the agent's default token"},
        {"not reloaded", of({}, words{"mail"}, {"mial"}), condition::error, "consul reload"},
        {"not reloaded, or not to be seen", of({}, {}, {"mial"}), condition::unknown, "consul reload"},
        {"misspelt", of({}, words{"cron", "mail"}, {}), condition::error,
         "no service mial is registered on this node, but mail is; correct -S of check role"},
        {"misspelt in the files", of({}, {}, {"mail"}), condition::error, "but mail is"},
        {"misspelt by hand", by_hand, condition::error, "but mail is; correct -S"},
        {"nowhere", of({}, words{"database"}, {}), condition::warning, "no watch heals it; register it, or correct -S"},
        {"hidden", denied, condition::unknown, "the token needs service:read on mial"},
        {"unanswered", unanswered, condition::unknown, "no leader"},
        {"rights that are not known", unasked, condition::unknown, "too late"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        holds(judge_registration(row.facts), row.state, row.says);
    }
}

TEST_CASE("whether an active and what takes over from it both run") {
    using enum health;
    struct row {
        std::string_view name;
        std::vector<check_state> checks;
        std::string_view by;  ///< empty: there is nothing to say
        bool on_warning{};
    };
    const auto of = [](std::string id, health state, output_kind output = output_kind::other) {
        return check_state{.id = std::move(id), .state = state, .output = output, .of_service = true};
    };
    const auto own = [&](health state) { return of("role", state, output_kind::own); };
    const row rows[] = {
        {"well", {own(passing)}, ""},
        {"stopped", {own(critical)}, ""},
        {"stopped, and another check says so, too", {of("http", critical), own(critical)}, ""},
        {"no check of ours", {of("http", critical)}, ""},
        {"one of ours that cannot tell",
         {of("disk", critical), of("role", health::unknown, output_kind::own_unknown)},
         ""},
        {"another check", {own(passing), of("http", critical)}, "since http is critical"},
        {"another check of a degraded one", {own(warning), of("http", critical)}, "since http is critical"},
        {"two others, in whatever order", {of("b", critical), own(passing), of("a", critical)}, "since a is critical"},
        {"a warning", {own(passing), of("http", warning)}, ""},
        {"a warning that is enough", {own(passing), of("http", warning)}, "or set takeoverOn to critical", true},
        {"a warning of ours that is enough", {own(warning), of("http", critical)}, "", true},
        {"maintenance",
         {of("a", critical), of("_service_maintenance:web", maintenance), own(passing)},
         "_service_maintenance:web is in maintenance, while its own check is well: a standby takes over, and it may run "
         "on both; stop the service there, or end the maintenance"},
        {"what only says that it does not serve", {own(passing), of("s", critical, output_kind::own_serving)}, ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto found = judge_both_run({.service = "web",
                                           .from = row.on_warning ? takeover::on_warning : takeover::on_critical,
                                           .instances = {{"web9", "hq", {own(passing)}}, {"web1", "hq", row.checks}}});
        CHECK(found.has_value() != row.by.empty());
        if (!found) continue;
        CHECK(found->point == "both run web");
        holds(*found, condition::warning, row.by);
        CHECK(found->what.starts_with("the active web1 "));
    }
    const auto ours =
        judge_both_run({.standby = true, .instances = {{"web1", "hq", {own(passing), of("a", critical)}}}});
    REQUIRE(ours);
    holds(*ours, condition::warning, "this node takes over, and it is to run on both");
}

TEST_CASE("what a check printed that could not tell what runs") {
    const auto printed = [](std::string output) {
        return judge_outputs({{.check_id = "role", .status = "warning", .output = std::move(output)}});
    };
    const std::string line =
        R"({"type":"service","service":"postgresql","expects":true,"clustered":true,"state":"unknown","code":1,)"
        R"("role":"primary","reason":"postgresql.service does nothing itself","basis":"fresh"})";
    for (const auto& each : {line, line + '\n', "on stderr\n" + line}) {
        const auto found = printed(each);
        REQUIRE(found.size() == 1);
        CHECK(found[0].point == "check role");
        holds(found[0], condition::warning, "whether it is well: postgresql.service does nothing itself; let it look");
    }
    const auto text = printed("UNKNOWN - web cannot be judged: no such unit");
    REQUIRE(text.size() == 1);
    CHECK(text[0].what.ends_with("no such unit"));
    CHECK(printed("").empty());
    CHECK(printed("web is stopped").empty());
    // Its role is judged elsewhere.
    CHECK(
        printed(R"({"type":"service","service":"a","expects":null,"state":"unknown","code":1,"reason":"x"})").empty());
    CHECK(
        printed(R"({"type":"service","service":"a","expects":true,"state":"passing","code":0,"reason":"x"})").empty());
}

TEST_CASE("incidents that were given up") {
    const auto one = [](std::string key, bool given_up, std::int64_t closed = 0) {
        return incident{.closed = {closed}, .given_up = given_up, .key = std::move(key)};
    };
    const auto judged = [](std::vector<loaded_journal> all, std::string_view only = {}) {
        const auto found = judge_incidents(all, only);
        REQUIRE(found.size() == 1);
        return found[0];
    };
    const auto kept_of = [](std::vector<incident> incidents, std::vector<ledger> ledgers = {}) {
        return std::vector<loaded_journal>{
            {{.service = "web", .incidents = std::move(incidents), .ledgers = std::move(ledgers)}, ""}};
    };
    CHECK(judged({}).what == "none is open, and none was given up");
    CHECK(judged(kept_of({one("a", false)})).what == "1 is open, and none was given up");
    CHECK(judged(kept_of({one("a", false), one("b", false), one("c", true, 1)})).what ==
          "2 are open, and none was given up");
    const auto lost =
        kept_of({one("a", true), one("b", false), one("c", true)}, {{.key = "a", .attempts = 5, .given_up = true},
                                                                    {.key = "b", .attempts = 9},
                                                                    {.key = "c", .attempts = 1, .given_up = true}});
    const auto found = judged(lost);
    CHECK(found.point == "incidents web");
    holds(found, condition::error,
          "given up after 5 attempts: a and c are not run any more; mend it, then powerconsul incidents ack web");
    holds(judged(kept_of({one("c", true)}, {{.key = "c", .attempts = 1, .given_up = true}})), condition::error,
          "given up after 1 attempt: c is not run any more");
    CHECK(judged(lost, "web").state == condition::error);
    CHECK(judged(lost, "other").state == condition::ok);
    holds(judged({{{.service = "web"}, "web.json: damaged; its bytes could not be kept: no"}}), condition::warning,
          "damaged; see");
    CHECK(judge_incidents(fail(errc::denied, "not ours"), "").front().state == condition::unknown);
}
