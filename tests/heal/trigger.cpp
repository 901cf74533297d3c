#include <powerconsul/heal/trigger.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/store/store.hpp>
#include <powerconsul/testing/fakes.hpp>

#include "../world.hpp"

using namespace powerconsul;
using testing::manual_clock;

namespace {

using words = std::vector<std::string>;

auto who() -> identity {
    return completed({.host = "production-web3.example.org"});
}

}  // namespace

TEST_CASE("the role under which a trigger is looked for") {
    struct row {
        role own;
        expectation expects;
        role as;
    };
    using enum role;
    constexpr row rows[] = {
        {standalone, expectation::running, standalone},
        {standalone, expectation::stopped, standalone},
        {standalone, expectation::unknown, role::unknown},
        {primary, expectation::running, primary},
        {primary, expectation::stopped, primary},
        {primary, expectation::unknown, role::unknown},
        {secondary, expectation::running, primary},
        {secondary, expectation::stopped, secondary},
        {secondary, expectation::unknown, role::unknown},
        {role::unknown, expectation::running, role::unknown},
        {role::unknown, expectation::stopped, role::unknown},
        {role::unknown, expectation::unknown, role::unknown},
        {role::unknown, expectation::either, role::unknown},
        {role::standalone, expectation::either, role::unknown},
        {role::primary, expectation::either, role::unknown},
        {role::secondary, expectation::either, role::unknown},
    };
    static_assert(
        std::ranges::all_of(rows, [](const auto& row) { return trigger_role(row.own, row.expects) == row.as; }));
    for (const auto& row : rows) {
        CAPTURE(to_string(row.own));
        CAPTURE(to_string(row.expects));
        CHECK(trigger_role(row.own, row.expects) == row.as);
    }
}

TEST_CASE("the keys of a trigger") {
    struct row {
        std::string_view name;
        std::string base;
        std::string environment;
        std::string_view service;
        trigger_state state;
        words keys;  ///< empty: refused
    };
    const row rows[] = {
        {"with the environment and without it",
         "",
         "production",
         "web",
         trigger_state::critical,
         {"triggers/production/web/primary/critical", "triggers/web/primary/critical"}},
        {"of the other state",
         "",
         "production",
         "web",
         trigger_state::warning,
         {"triggers/production/web/primary/warning", "triggers/web/primary/warning"}},
        {"of a service that is named as its environment is",
         "",
         "web",
         "web",
         trigger_state::warning,
         {"triggers/web/web/primary/warning", "triggers/web/primary/warning"}},
        {"of an end that is well",
         "",
         "production",
         "web",
         trigger_state::passing,
         {"triggers/production/web/primary/passing", "triggers/web/primary/passing"}},
        {"of giving up",
         "",
         "production",
         "web",
         trigger_state::given_up,
         {"triggers/production/web/primary/given-up", "triggers/web/primary/given-up"}},
        {"of giving up, with a base",
         "own",
         "production",
         "web",
         trigger_state::given_up,
         {"own/web/primary/given-up"}},
        {"with a base", "own/keys", "production", "web", trigger_state::warning, {"own/keys/web/primary/warning"}},
        {"with a base that ends in a slash",
         "own/",
         "production",
         "web",
         trigger_state::warning,
         {"own/web/primary/warning"}},
        {"with a base and without an environment",
         "own",
         "",
         "web",
         trigger_state::warning,
         {"own/web/primary/warning"}},
        {"with the base of the second place",
         "triggers",
         "production",
         "web",
         trigger_state::warning,
         {"triggers/web/primary/warning"}},
        {"without either", "", "", "web", trigger_state::critical, {}},
        {"an environment of two segments", "", "a/b", "web", trigger_state::critical, {}},
        {"an environment above", "", "..", "web", trigger_state::critical, {}},
        {"a service of two segments", "", "production", "web/primary", trigger_state::critical, {}},
        {"a service above", "", "production", "..", trigger_state::critical, {}},
        {"a base with an empty segment", "own//keys", "production", "web", trigger_state::critical, {}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        trigger_options options;
        options.base_key = row.base;
        identity of;
        of.environment = row.environment;
        const auto keys = trigger_keys(options, of, row.service, role::primary, row.state);
        CHECK(keys.has_value() == !row.keys.empty());
        if (keys) {
            CHECK(*keys == row.keys);
        } else {
            CHECK(keys.error().code == errc::usage);
        }
    }
}

TEST_CASE("a trigger is looked for at one place after the other, until there is one or no clean answer") {
    struct row {
        std::string_view name;
        words values;  ///< the keys that have one: their own name
        std::string_view key;
        words tried;
    };
    const std::string first = "triggers/production/web/primary/critical";
    const std::string second = "triggers/web/primary/critical";
    const row rows[] = {
        {"none", {}, "", {first, second}},
        {"the first", {first}, first, {first}},
        {"the second", {second}, second, {first, second}},
        {"both", {second, first}, first, {first}},
        {"another state's",
         {"triggers/production/web/primary/warning", "triggers/web/primary/warning"},
         "",
         {first, second}},
        {"another environment's", {"triggers/test/web/primary/critical"}, "", {first, second}},
        {"what stops a secondary that should wait",
         {"triggers/production/web/secondary/critical", "triggers/web/secondary/critical"},
         "",
         {first, second}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        store consul{{.node = "production-web3", .datacenter = "hq"}};
        manual_clock time;
        consul.put("dr", first, "another datacenter's");
        for (const auto& key : row.values) consul.put("hq", key, key);
        consul_client<store&, manual_clock&> client{consul, time, seconds(5)};
        resolution facts;
        facts.own = role::secondary;
        facts.expects = expectation::running;
        const auto search = find_trigger(client, {}, who(), facts, "web", trigger_state::critical);
        REQUIRE(search);
        CHECK(search->tried == row.tried);
        CHECK(search->found.has_value() == !row.key.empty());
        if (search->found) {
            CHECK(search->found->key == row.key);
            CHECK(search->found->as == role::primary);
            CHECK(search->found->value == row.key);
            CHECK(search->found->modify_index == consul.data().index());
        }
    }
}

TEST_CASE("no trigger is looked for while role or expectation is unknown") {
    store consul{{.node = "production-web3", .datacenter = "hq"}};
    world::recorded_store asked{consul};
    manual_clock time;
    consul_client<world::recorded_store&, manual_clock&> client{asked, time, seconds(5)};
    const auto search = find_trigger(client, {}, who(), resolution{}, "web", trigger_state::critical);
    REQUIRE(search);
    CHECK(search->tried.empty());
    CHECK_FALSE(search->found);
    CHECK(asked.requests.empty());
}

TEST_CASE("an empty value is found, since its key is there") {
    store consul{{.node = "production-web3", .datacenter = "hq"}};
    manual_clock time;
    consul.put("hq", "triggers/production/web/standalone/critical", "");
    consul_client<store&, manual_clock&> client{consul, time, seconds(5)};
    resolution facts;
    facts.own = role::standalone;
    facts.expects = expectation::running;
    const auto search = find_trigger(client, {}, who(), facts, "web", trigger_state::critical);
    REQUIRE(search);
    REQUIRE(search->found);
    const auto made = make_job(*search->found, {}, who(), {});
    REQUIRE_FALSE(made);
    CHECK(made.error().code == errc::bad_data);
    CHECK(made.error().message.starts_with("the trigger triggers/production/web/standalone/critical: "));
}

TEST_CASE("where the first place cannot be read the second one is not asked") {
    store consul{{.node = "production-web3", .datacenter = "hq"}};
    world::recorded_store asked{consul};
    manual_clock time;
    resolution facts;
    facts.own = role::secondary;
    facts.expects = expectation::running;
    consul.put("hq", "triggers/web/primary/critical", "a");
    const auto search = [&](const identity& of, std::string_view service) {
        consul_client<world::recorded_store&, manual_clock&> client{asked, time, seconds(5)};
        return find_trigger(client, {}, of, facts, service, trigger_state::critical);
    };
    consul.respond_with("/v1/kv/triggers/production/web/primary", 403, "Permission denied");
    auto found = search(who(), "web");
    REQUIRE_FALSE(found);
    CHECK(found.error().code == errc::denied);
    CHECK(world::targets(asked.requests) == words{"/v1/kv/triggers/production/web/primary/critical?consistent"});

    // What answers 404 without Consul's index is not Consul.
    consul.respond_normally();
    consul.respond_with("/v1/kv/triggers/production/web/primary", 404, "");
    found = search(who(), "web");
    REQUIRE_FALSE(found);
    CHECK(found.error().code == errc::bad_data);
    CHECK(asked.requests.size() == 2);

    // And a second place that cannot be read is unknown, too, and not a trigger that is absent.
    consul.respond_normally();
    consul.respond_with("/v1/kv/triggers/web/", 403, "Permission denied");
    found = search(who(), "web");
    REQUIRE_FALSE(found);
    CHECK(found.error().code == errc::denied);
    CHECK(asked.requests.size() == 4);
    asked.requests.resize(1);
    consul.respond_normally();

    found = search({}, "web");
    REQUIRE_FALSE(found);
    CHECK(found.error() == error{errc::usage, "the environment \"\" is empty"});
    CHECK(asked.requests.size() == 1);

    identity there = who();
    there.datacenter = "dr";
    found = search(there, "mail");
    REQUIRE_FALSE(found);
    CHECK(asked.requests.at(1).target == "/v1/kv/triggers/production/mail/primary/critical?dc=dr&consistent");
}

TEST_CASE("@ENV, @HOST and @ROLE come from the node and cannot be replaced") {
    trigger_options options;
    options.substitutions = {{"HOST", "elsewhere"}, {"HOSTS", "all"}, {"ENV", ""}, {"ROLE", "x"}};
    const auto all = all_substitutions(options, who());
    std::string text;
    for (const auto& each : all) text += each.name + '=' + each.value + ' ';
    CHECK(text == "ENV=production HOST=production-web3 ROLE=web HOSTS=all ");

    identity named;
    named.node = "staging-db1.example.org";
    CHECK(all_substitutions({}, completed(named)).at(1).value == "staging-db1");
}

TEST_CASE("a watch's states are states of triggers") {
    static_assert(to_trigger_state(bad_state::warning) == trigger_state::warning);
    static_assert(to_trigger_state(bad_state::critical) == trigger_state::critical);
    words names;
    for (const auto each : trigger_states) names.emplace_back(to_string(each));
    CHECK(names == words{"warning", "critical", "passing", "given-up"});
    for (const auto each : {bad_state::warning, bad_state::critical}) {
        CHECK(to_string(each) == to_string(to_trigger_state(each)));
    }
}

namespace {

auto a_check(std::string id, std::string service, std::string status, std::string output) -> snapshot_check {
    snapshot_check made;
    made.check_id = std::move(id);
    made.service_id = std::move(service);
    made.status = std::move(status);
    made.output = std::move(output);
    return made;
}

auto variable(const trigger_cause& cause, std::string_view name) -> std::string {
    const std::string start = "POWERCONSUL_" + std::string{name} + '=';
    for (const auto& each : trigger_environment(cause, {})) {
        if (each.starts_with(start)) return each.substr(start.size());
    }
    return "not set";
}

}  // namespace

TEST_CASE("the environment of a trigger") {
    trigger_cause cause{"web",
                        "0123456789abcdef",
                        3,
                        trigger_state::given_up,
                        role::secondary,
                        expectation::stopped,
                        "two\nlines\tand",
                        {a_check("service:web", "web", "warning", std::string(2000, 'x'))}};
    const words list = trigger_environment(cause, {{"A-B.c", "1 2"}});
    const std::string output = std::string(997, 'x') + "...";
    CHECK(list == words{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
                        "POWERCONSUL_SERVICE=web", "POWERCONSUL_SERVICE_IDS=web", "POWERCONSUL_ROLE=secondary",
                        "POWERCONSUL_EXPECTS=stopped", "POWERCONSUL_STATE=given-up", "POWERCONSUL_CHECK_ID=service:web",
                        "POWERCONSUL_INCIDENT_ID=0123456789abcdef", "POWERCONSUL_ATTEMPT=3",
                        "POWERCONSUL_REASON=two lines and", "POWERCONSUL_CHECK_OUTPUT=" + output,
                        R"(POWERCONSUL_CHECKS=[{"id":"service:web","service_id":"web","status":"warning","output":")" +
                            output + "\"}]",
                        "POWERCONSUL_VAR_A_B_c=1 2"});
    // What Consul says may hold anything; a variable ends at a NUL.
    cause.checks.front().output = std::string{"a\0b=\x01\xff", 6};
    CHECK(variable(cause, "CHECK_OUTPUT") == "a b= \xEF\xBF\xBD");
    CHECK(variable({}, "CHECKS") == "[]");
    CHECK(variable({}, "SERVICE_IDS").empty());
}

TEST_CASE("a trigger is told of all checks, the worst first") {
    trigger_cause cause;
    cause.checks = {a_check("d", "web-1", "passing", "fine"), a_check("c", "web-2", "warning", "slow"),
                    a_check("b", "web-2", "critical", "down"), a_check("a", "web-2", "critical", "\x1B[31mred\xC2\x9B"),
                    a_check("e", "web-1", "maintenance", "")};
    const auto told = [&] {
        return variable(cause, "SERVICE_IDS") + ' ' + variable(cause, "CHECK_ID") + ' ' + variable(cause, "CHECKS");
    };
    const std::string expected =
        R"(web-1,web-2 a [{"id":"a","service_id":"web-2","status":"critical","output":"[31mred"},)"
        R"({"id":"b","service_id":"web-2","status":"critical","output":"down"},)"
        R"({"id":"c","service_id":"web-2","status":"warning","output":"slow"},)"
        R"({"id":"e","service_id":"web-1","status":"maintenance","output":""},)"
        R"({"id":"d","service_id":"web-1","status":"passing","output":"fine"}])";
    CHECK(told() == expected);
    std::ranges::reverse(cause.checks);
    CHECK(told() == expected);
}

TEST_CASE("what a trigger is told of checks is whole JSON and fits a variable") {
    struct row {
        std::string_view name;
        std::size_t checks;
        std::size_t output;
        char letter;
        std::size_t kept;     ///< checks that are told
        std::size_t longest;  ///< bytes of an output that is told
    };
    const row rows[] = {
        {"some", 50, 4096, 'x', 50, 1000},     {"some that take twice the space in JSON", 50, 4096, '\\', 50, 200},
        {"many", 200, 4096, 'x', 200, 200},    {"many that say little", 700, 20, 'x', 700, 20},
        {"very many", 800, 4096, 'x', 800, 0}, {"too many", 3000, 4096, 'x', 1042, 0}};
    for (const auto& row : rows) {
        CAPTURE(row.name);
        trigger_cause cause;
        for (std::size_t i = 0; i < row.checks; ++i) {
            cause.checks.push_back(a_check(std::to_string(i), "i", "critical", std::string(row.output, row.letter)));
        }
        const std::string told = variable(cause, "CHECKS");
        CHECK(told.size() <= longest_check_list);
        const auto root = json::parse(told, {.depth = 3, .values = 100'000});
        REQUIRE(root);
        CHECK(root->items.size() == row.kept);
        CHECK(root->items.front().find("output")->text.size() == row.longest);
        const bool cut = told.find("...\"") != std::string::npos;
        CHECK(cut == (row.longest >= 200));
        CHECK(variable(cause, "SERVICE_IDS") == "i");
    }
    trigger_cause cause;
    for (int i = 0; i < 1000; ++i) {
        cause.checks.push_back(a_check("c", std::to_string(1000 + i) + std::string(96, 'x'), "critical", ""));
    }
    const std::string ids = variable(cause, "SERVICE_IDS");
    CHECK(ids.size() <= longest_check_list);
    CHECK(ids.size() > longest_check_list - 200);
    CHECK(ids.ends_with(std::string(96, 'x')));
}

TEST_CASE("a value becomes a job with the options' times") {
    trigger_options options;
    options.timeout = seconds(20);
    options.grace = seconds(2);
    options.substitutions = {{"PORT", "80; reboot"}};
    trigger_cause cause;
    cause.service = "web";
    const found_trigger plain{role::primary, "k", 7, "restart @HOST"};
    cause.attempt = 3;
    const auto made = make_job(plain, options, who(), cause);
    REQUIRE(made);
    CHECK(made->what.name == "web-3");
    CHECK(made->what.argv == words{"/bin/sh", "-c", "restart production-web3"});
    CHECK(made->what.timeout == seconds(20));
    CHECK(made->what.grace == seconds(2));
    CHECK(made->what.user.empty());
    CHECK(made->what.environment == trigger_environment(cause, all_substitutions(options, who())));

    const found_trigger literal{role::primary, "k", 7, R"({"command": ["/bin/echo", "@PORT"], "user": "www"})"};
    const auto as_words = make_job(literal, options, who(), cause);
    REQUIRE(as_words);
    CHECK(as_words->what.argv == words{"/bin/echo", "80; reboot"});
    CHECK(as_words->what.environment == trigger_environment(cause, all_substitutions(options, who())));

    CHECK_FALSE(as_words->settle);
    CHECK_FALSE(as_words->backoff);

    const found_trigger slow{role::primary, "k", 7,
                             R"({"script": "date", "settle": "5m", "backoff": "1m", "timeout": "2m"})"};
    const auto with_waits = make_job(slow, options, who(), cause);
    REQUIRE(with_waits);
    CHECK(with_waits->settle == seconds(300));
    CHECK(with_waits->backoff == seconds(60));
    CHECK(with_waits->what.timeout == seconds(120));

    const found_trigger hostile{role::primary, "k", 7, "serve @PORT"};
    const auto refused = make_job(hostile, options, who(), cause);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::bad_data);
    CHECK(refused.error().message.starts_with("the trigger k: "));
}

TEST_CASE("what nobody set of a trigger") {
    CHECK(trigger_options{}.timeout == seconds(60));
    CHECK(trigger_options{}.grace == seconds(10));
    CHECK(found_trigger{}.as == role::unknown);
    CHECK(trigger_cause{}.attempt == 1);
    CHECK(trigger_cause{}.state == trigger_state::critical);
    CHECK(trigger_cause{}.own == role::unknown);
    CHECK(trigger_cause{}.expects == expectation::unknown);
}

TEST_CASE("a substitution's name becomes that of a variable") {
    const auto last = [](std::string name) { return trigger_environment({}, {{std::move(name), "x"}}).back(); };
    CHECK(last("azAZ09_") == "POWERCONSUL_VAR_azAZ09_=x");
    CHECK(last("`{@[/:") == "POWERCONSUL_VAR_______=x");
}

TEST_CASE("a script becomes a job") {
    const auto made = make_job({role::primary, "k", 7, R"({"script": "echo 1"})"}, {}, who(), {});
    REQUIRE(made);
    CHECK(made->what.script == "echo 1");
    CHECK(made->what.timeout == seconds(60));
}
