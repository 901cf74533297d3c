#include <powerconsul/lint/consul.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>

#include <powerconsul/store/store.hpp>
#include <powerconsul/testing/fakes.hpp>

#include "../lint_lines.hpp"

using namespace powerconsul;

namespace {

/// A node of the environment `production`, beside a Consul in memory.
struct node {
    testing::fake_host<store> here{.consul = store{{.node = "production-web2", .datacenter = "hq"}}};
    config::configuration chosen{};

    node() {
        chosen.timeout = seconds(8);
        chosen.roles.who.host = "production-web2.example.org";
        for (const std::string_view each : {"/bin/sh", "/bin/date"}) {
            here.files.put(std::string{each}, "x", {.kind = file_kind::regular, .mode = 0755});
        }
    }

    void web_runs_on(std::string_view name, std::string_view datacenter = "hq") {
        here.consul.add(datacenter, {.service = "web", .node = std::string{name}});
    }
    void put(std::string_view key, std::string_view value) { here.consul.put("hq", key, value); }

    [[nodiscard]] auto lint(const std::optional<std::string>& service = {}) -> result<lint_report> {
        return lint_consul(here, chosen, service);
    }
    [[nodiscard]] auto text(const std::optional<std::string>& service = {}) -> std::string {
        const auto done = lint(service);
        return done ? report_text(*done) : "failed: " + done.error().message;
    }
};

}  // namespace

TEST_CASE("one service is read, with its triggers and nodes") {
    node at;
    at.web_runs_on("production-web1");
    at.web_runs_on("production-web2");
    at.put("cluster/production/web", R"({"active_nodes": ["production-web1"], "standby_nodes": ["production-wbe2"]})");
    at.put("triggers/production/web/primary/critical", "./restart");
    at.put("triggers/production/web/primary/crit", "x");
    at.put("triggers/production/web/secondary/critical", "#!/no/such/shell\n");
    at.put("triggers/production/web/secondary/warning", "#!/bin/sh\n");
    at.put("triggers/production/web/standalone/critical", "date");
    at.put("triggers/production/db/standalone/critical", "./not-asked-for");
    CHECK(at.text("web") ==
          "cluster/production/web:1:1: warning: web is on production-web2 too, whose role is unknown: node "
          "production-web2 is neither in active_nodes nor in standby_nodes\n"
          "cluster/production/web:1:57: warning: Consul shows no web on \"production-wbe2\"; did you mean "
          "\"production-web2\"?\n"
          "cluster/production/web:1:57: warning: standby_nodes names no node on which Consul shows web; it is on "
          "production-web1 and production-web2\n"
          "triggers/production/web/primary/crit: warning: \"crit\" is no state that has triggers; did you mean "
          "\"critical\"?\n"
          "triggers/production/web/primary/critical:1:1: warning: the command ./restart is relative; triggers run in "
          "/, give its whole path\n"
          "triggers/production/web/secondary/critical:1:1: warning: there is no /no/such/shell on this machine\n"
          "triggers/production/web/secondary/warning: warning: there is no such trigger for primary: nothing heals web "
          "where it is expected to run and runs in part\n"
          "triggers/production/web/standalone/critical: warning: this trigger never runs: with a cluster document no "
          "node is standalone\n"
          "8 warnings in 5 documents\n");
}

TEST_CASE("a service that Consul knows nothing of is not called fine") {
    node at;
    at.put("cluster/production/web", R"({"mode": "all-active"})");
    at.put("triggers/production/db/standalone/critical", "date");
    CHECK(
        at.text("web").starts_with("cluster/production/web: note: Consul shows no instance of web (there is none, or "
                                   "the token needs service:read on it and node:read): its nodes were not compared\n"));
    CHECK(
        at.text("db").starts_with("triggers/production/db/standalone/critical: warning: db has no cluster document, "
                                  "and Consul shows no instance of it\n"));
    CHECK(at.text("mail") ==
          "cluster/production/mail: note: mail has neither a cluster document nor a trigger: every node is "
          "standalone\nnothing to look at\n");
    CHECK(at.text("mail.example.com")
              .find("cluster/production/mail.example.com: warning: some versions of Consul do not take the key") !=
          std::string::npos);
}

TEST_CASE("a listed node of another datacenter is looked for there, and one that is away is no mistake") {
    node at;
    at.put("cluster/production/web", R"({"active_nodes": ["production-web1"], "standby_nodes": ["production-far1"]})");
    at.web_runs_on("production-web1");
    CHECK(at.text("web").find("standby_nodes names no node") != std::string::npos);
    at.web_runs_on("production-far1", "dr");
    CHECK(at.text("web") == "1 cluster document is fine\n");
    at.here.consul.set_reachable("dr", false);
    const auto away = at.lint("web");
    REQUIRE(away);
    CHECK(away->count(severity::warning) == 0);
    CHECK(away->count(severity::note) == 1);
}

TEST_CASE("the slowest check that is not powerconsul's is held against the settle times") {
    node at;
    at.web_runs_on("production-web2");
    at.put("triggers/production/web/standalone/critical", "date");
    const auto with = [&](const std::string& checks) {
        at.here.consul.respond_normally();
        at.here.consul.respond_with("/v1/agent/checks", 200, checks);
        return at.text("web");
    };
    const auto check = [](std::string_view id, std::string_view interval, std::string_view output) {
        return '"' + std::string{id} + R"(": {"Node": "production-web2", "CheckID": ")" + std::string{id} +
               R"(", "Status": "passing", "ServiceName": "web", "ServiceID": "web", "Interval": )" +
               std::string{interval} + R"(, "Output": ")" + std::string{output} + "\"}";
    };
    const std::string fine = "1 trigger is fine\n";
    const std::string ours = R"({\"type\":\"service\",\"state\":\"passing\",\"code\":0,\"basis\":\"fresh\"})";
    CHECK(with('{' + check("disk", R"("1m30s")", "enough") + ',' + check("http", R"("1m0s")", "200 OK") + '}')
              .find("the settle time of 30 s is below the interval of 90 s of check disk,") != std::string::npos);
    CHECK(with('{' + check("disk", R"("30s")", "enough") + '}') == fine);
    CHECK(with('{' + check("role", R"("1m30s")", ours) + '}') == fine);
    // What does not say how often it runs, or says so in another way, is no reason to refuse the list.
    for (const std::string_view odd : {R"("")", "null", "90000000000", "[]", R"("often")"}) {
        CAPTURE(odd);
        CHECK(with('{' + check("disk", odd, "enough") + '}') == fine);
    }
    at.here.consul.respond_normally();
    at.here.consul.respond_with("/v1/agent/checks", 500, "");
    CHECK(at.text("web") == fine);
}

TEST_CASE("everything is read, of this node's environment") {
    node at;
    at.web_runs_on("production-web1");
    at.web_runs_on("production-web2");
    at.put("cluster/production/web", R"({"active_nodes": ["production-web1"], "standby_nodes": ["production-web2"]})");
    at.put("cluster/production/db", "");
    at.put("cluster/test/web", "x");
    at.put("triggers/production/web/primary/critical", "date");
    at.put("triggers/production/mail/secondary/critical", "date");
    CHECK(
        at.text() ==
        "cluster/production/db: note: Consul shows no instance of db (there is none, or the token needs service:read "
        "on it and node:read): its nodes were not compared\n"
        "cluster/production/db:1:1: error: the value is empty; delete the key to make the service standalone\n"
        "triggers/production/mail/secondary/critical: warning: this trigger never runs: without a cluster document "
        "every node is standalone\n"
        "triggers/production/web/primary/critical: warning: there is no such trigger for secondary: nothing stops web "
        "on a standby that runs it while an active serves\n"
        "1 error, 2 warnings in 4 documents\n");
    at.chosen.roles.who.environment = "staging";
    CHECK(at.text().starts_with(
        "cluster/staging: error: neither here nor below triggers/staging is any key that the token may list"));
}

TEST_CASE("triggers are looked for at both places") {
    for (const auto& service : {std::optional<std::string>{}, std::optional<std::string>{"web"}}) {
        CAPTURE(service.has_value());
        node at;
        at.web_runs_on("production-web1");
        at.web_runs_on("production-web2");
        at.put("cluster/production/web",
               R"({"active_nodes": ["production-web1"], "standby_nodes": ["production-web2"]})");
        at.put("triggers/production/web/primary/critical", "date");
        at.put("triggers/web/primary/critical", "date");
        at.put("triggers/web/primary/crit", "date");
        at.put("triggers/test/web/primary/critical", "./of another environment");
        CHECK(
            at.text(service) ==
            "triggers/production/web/primary/critical: warning: there is no such trigger for secondary: nothing stops "
            "web on a standby that runs it while an active serves\n"
            "triggers/web/primary/crit: warning: \"crit\" is no state that has triggers; did you mean "
            "\"critical\"?\n"
            "triggers/web/primary/critical: warning: it is not used where triggers/production/web/primary/critical "
            "is read first, which has a value, too\n"
            "3 warnings in 3 documents\n");
        at.put("triggers/web/secondary/critical", "date");
        CHECK(at.text(service).find("no such trigger") == std::string::npos);
        // A configured base has the only place.
        at.chosen.watch.triggers.base_key = "triggers/production";
        CHECK(at.text(service).find("triggers/web/") == std::string::npos);
    }
}

TEST_CASE("a counterpart that a list does not show is read by itself") {
    node at;
    at.web_runs_on("production-web1");
    at.web_runs_on("production-web2");
    at.put("cluster/production/web", R"({"active_nodes": ["production-web1"], "standby_nodes": ["production-web2"]})");
    at.put("triggers/production/web/primary/critical", "date");
    at.here.consul.respond_with("/v1/kv/triggers/?recurse", 403, "Permission denied");
    at.put("triggers/web/secondary/critical", "date");
    CHECK(at.text() ==
          "triggers: note: the triggers for all environments could not be looked at: Consul answers 403 to "
          "/v1/kv/triggers/?recurse: Permission denied; the token needs key_prefix:list and key_prefix:read on "
          "triggers/\n"
          "1 cluster document and 2 triggers are fine\n");
    at.here.consul.respond_with("/v1/kv/triggers/web/secondary", 403, "Permission denied");
    const auto hidden = at.text();
    CHECK(hidden.find("no such trigger") == std::string::npos);
    CHECK(hidden.find("triggers/web/secondary/critical: note: it could not be read: ") != std::string::npos);
    at.here.consul.respond_with("/v1/kv/triggers/production/web/secondary", 500, "");
    CHECK(at.text().starts_with("failed: "));
}

TEST_CASE("a service that is named like another environment is seen where all triggers may be listed") {
    node at;
    at.put("triggers/test/mail/standalone/critical", "date");
    at.put("cluster/production/test", R"({"mode": "all-active"})");
    CHECK(at.text().find("triggers/test: warning: a service and an environment have this name: ") != std::string::npos);
    CHECK(at.text("test").find("triggers/test: warning: a service and") != std::string::npos);
}

TEST_CASE("what was not seen is never fine") {
    struct row {
        std::string_view name;
        void (*change)(node& at);
        std::optional<std::string> service;
        errc code;
    };
    const row rows[] = {
        {"no agent", [](node& at) { at.here.consul.set_offline(true); }, {}, errc::unavailable},
        {"no agent, one service", [](node& at) { at.here.consul.set_offline(true); }, "web", errc::unavailable},
        {"no right", [](node& at) { at.here.consul.respond_with("/v1/kv", 403, ""); }, {}, errc::denied},
        {"no environment", [](node& at) { at.chosen.roles.who.host = "localhost"; }, {}, errc::configuration},
        {"a key that cannot be", [](node& at) { at.chosen.roles.cluster_key = "/c"; }, {}, errc::configuration},
        {"a name that cannot be", [](node&) {}, "a/b", errc::usage},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        node at;
        each.change(at);
        const auto done = at.lint(each.service);
        REQUIRE_FALSE(done);
        CHECK(done.error().code == each.code);
        CHECK(done.error().message.find("--") == std::string::npos);
        CHECK(done.error().remedy == (each.code == errc::configuration ? "clusterKey triggerKey environment" : ""));
    }
}
