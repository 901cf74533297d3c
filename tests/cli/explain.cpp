#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "caller.hpp"

using namespace tool;

namespace {

/// Runs `role --explain` on production-web2 over a store and gives both forms.
struct explained {
    ended text;
    ended json;
};

auto explain(const sandbox& box, std::vector<std::string> more = {}, bool known = false) -> explained {
    std::vector<std::string> args{"role", "-S", "web", "--explain", "--format", "text"};
    args.insert(args.end(), more.begin(), more.end());
    const caller call{box};
    // Neither run must find a record, or else both.
    const auto prepare = [&] {
        (void)std::system(("rm -rf " + (box / "state")).c_str());  // NOLINT: a path that mkdtemp made
        if (known) (void)call.check();                             // only a check and a watch write it
    };
    prepare();
    auto text = call(args);
    args[5] = "json";
    prepare();
    return {std::move(text), call(args)};
}

auto line_of(const std::string& text, std::string_view beginning) -> std::string {
    for (std::string_view rest = text; !rest.empty();) {
        const auto end = rest.find('\n');
        if (rest.starts_with(beginning)) return std::string{rest.substr(0, end)};
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    }
    return "no line begins with " + std::string{beginning};
}

auto store_with(std::string_view document, std::string_view active, std::string_view triggers = "") -> std::string {
    return R"({"agent": {"node": "production-web2", "datacenter": "hq"}, "datacenters": {"hq": {"kv": {)" +
           std::string{triggers} + R"("cluster/production/web": )" + std::string{document} + R"(}, "services": [
           {"service": "web", "node": "production-web1", "checks": {"service:web": ")" +
           std::string{active} + R"("}},
           {"service": "web", "node": "production-web2", "checks": {"service:web": "passing"}}]}}})";
}

}  // namespace

TEST_CASE("every fact of a standby's role is there with its source") {
    const sandbox box;
    box.write("config.json", R"({"environment": "production", "subVars": {"SVC": "apache2"}})");
    box.write("store.json",
              store_with(R"({"filter": {"^production-web": {"active_nodes": ["production-web1", "production-web9"],
                                                           "standby_nodes": "production-web2"}}})",
                         "critical",
                         R"("triggers/production/web/primary/critical": "service @SVC restart",
                            "triggers/web/primary/warning": "#!/bin/sh\necho warned\n",)"));
    const auto both = explain(box);
    CHECK(both.text.status == 0);
    CHECK(both.json.status == 0);
    const std::string& text = both.text.out;
    CHECK(line_of(text, "role ") == "role         secondary");
    CHECK(line_of(text, "expects") == "expects      running");
    CHECK(line_of(text, "rule") == "rule         a secondary takes over when no active serves");
    CHECK(line_of(text, "node") == "node         production-web2.example.org   [the host name]");
    CHECK(line_of(text, "environment") ==
          "environment  production   [the configuration " + (box / "config.json") + "]");
    CHECK(line_of(text, "server role") == "server role  web   [host name production-web2.example.org]");
    CHECK(line_of(text, "consul").ends_with("store.json   [a store file instead of an agent]"));
    CHECK(line_of(text, "document") ==
          "document     cluster/production/web, ModifyIndex 9   [GET /v1/kv/cluster/production/web?consistent, "
          "from the leader, confirmed, at most 0 ms old]");
    CHECK(line_of(text, "  filter") == "  filter     \"^production-web\" matches production-web2.example.org");
    CHECK(line_of(text, "  place") == "  place      production-web2.example.org is in standby_nodes   [standby_nodes]");
    CHECK(line_of(text, "actives") == "actives      none serving");
    CHECK(
        line_of(text, "  asked") ==
        "  asked      1 instance on production-web1   [GET /v1/health/node/production-web1?consistent, from the leader, confirmed, at most 0 ms "
        "old]");
    CHECK(text.find("  active     production-web1 (hq) is critical: does not serve\n    check    serfHealth passing\n"
                    "    check    service:web critical\n  active     production-web9 is in none of these lists\n"
                    "  rights     node:read on production-web9 and service:read on web: the token has them, or there "
                    "are no ACLs   [POST /v1/internal/acl/authorize]\n") != std::string::npos);
    const std::string warned = line_of(text, "on warning");
    CHECK(warned.starts_with("on warning   /bin/sh   [triggers/web/primary/warning, ModifyIndex "));
    CHECK(warned.ends_with("; there is none at triggers/production/web/primary/warning]"));
    CHECK(line_of(text, "  script") == "  script     #!/bin/sh");
    CHECK(line_of(text, "on critical")
              .starts_with("on critical  /bin/sh -c service apache2 restart   "
                           "[triggers/production/web/primary/critical, ModifyIndex "));

    const auto root = json::parse(both.json.out);
    REQUIRE(root);
    const auto* const document = root->find("document");
    REQUIRE(document != nullptr);
    CHECK(document->find("modify_index")->text == "9");
    CHECK(document->find("request")->text == "GET /v1/kv/cluster/production/web?consistent");
    CHECK(document->find("age_ms")->text == "0");
    CHECK(document->find("filter")->text == "^production-web");
    const auto* const actives = root->find("actives");
    REQUIRE(actives != nullptr);
    CHECK(actives->find("state")->text == "none serving");
    CHECK(actives->find("instances")->items.at(0).find("checks")->items.size() == 2);
    CHECK(actives->find("not_listed")->items.at(0).text == "production-web9");
    CHECK(actives->find("rights")->items.at(0).find("has")->items.at(1).text == "service:read on web");
    CHECK(root->find("triggers")->items.at(1).find("command")->items.at(2).text == "service apache2 restart");
    CHECK(root->find("environment")->find("from")->text == "the configuration " + (box / "config.json"));
}

TEST_CASE("the explanation says the same as the role, whatever it is") {
    struct row {
        std::string_view name;
        std::string_view document;
        std::string_view active;
        int status;
        std::string_view rule;
    };
    const row rows[] = {
        {"waiting", pair_document, "passing", 0, "a secondary waits while an active serves"},
        {"all active", R"({"mode": "all-active"})", "passing", 0, "a primary always runs"},
        {"in no list", R"({"active_nodes": "a", "standby_nodes": "b"})", "passing", 65,
         "none: what is not known is unknown"},
        {"no document at all", R"("")", "passing", 65, "none: what is not known is unknown"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const sandbox box;
        box.write("config.json", "{}");
        box.write("store.json", store_with(each.document, each.active));
        const auto both = explain(box);
        const auto plain = caller{box}({"role", "-S", "web", "--format", "json"});
        CHECK(both.text.status == each.status);
        CHECK(both.json.status == each.status);
        CHECK(plain.status == each.status);
        CHECK(member(both.json, "role") == member(plain, "role"));
        CHECK(member(both.json, "expectation") == member(plain, "expectation"));
        CHECK(member(both.json, "reason") == member(plain, "reason"));
        CHECK(line_of(both.text.out, "rule") == "rule         " + std::string{each.rule});
        CHECK(line_of(both.text.out, "why") == "why          " + member(plain, "reason"));
    }
}

TEST_CASE("how Consul is read can be chosen, and what contradicts itself is refused") {
    struct row {
        std::string_view name;
        std::vector<std::string> options;
        std::string_view settings;
        std::string_view document;  ///< as the explanation names the request
        std::string_view health;
    };
    const row rows[] = {
        {"by default", {}, "{}", "web?stale, from any server", "/node/production-web1?leader, from the leader"},
        {"consistent",
         {"--consistent"},
         "{}",
         "web?consistent, from the leader, confirmed",
         "/node/production-web1?consistent, from the leader, confirmed"},
        {"never stale",
         {"--max-stale", "0"},
         "{}",
         "web?consistent, from the leader, confirmed",
         "/node/production-web1?leader, from the leader"},
        {"by the configuration",
         {},
         R"({"consistent": true, "maxStale": "3s"})",
         "web?consistent, from the leader, confirmed",
         "/node/production-web1?consistent, from the leader, confirmed"},
        {"the agent's cache", {"--health-cache"}, "{}", "web?stale, from any server", "/service/web?cached, from the"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const sandbox box;
        box.write("config.json", each.settings);
        box.write("store.json", store_with(pair_document, "passing"));
        const auto both = explain(box, each.options, true);
        CHECK(both.text.status == 0);
        CHECK(line_of(both.text.out, "document").find("[GET /v1/kv/cluster/production/" + std::string{each.document}) !=
              std::string::npos);
        CHECK(line_of(both.text.out, "  asked").find("[GET /v1/health" + std::string{each.health}) !=
              std::string::npos);
    }
    const sandbox box;
    box.write("config.json", "{}");
    box.write("store.json", store_with(pair_document, "passing"));
    const caller call{box};
    const auto refused = call({"role", "-S", "web", "--consistent", "--health-cache"});
    CHECK(refused.status == 64);
    CHECK(refused.err ==
          "powerconsul: --consistent and --health-cache: what is in a cache is not consistent; choose one\n");
    CHECK(call({"role", "-S", "web", "--max-stale", "soon"}).status == 64);
    caller odd{box};
    odd.environment["POWERCONSUL_CONSISTENT"] = "maybe";
    CHECK(odd({"role", "-S", "web"}).err ==
          "powerconsul: POWERCONSUL_CONSISTENT: \"maybe\" is neither \"true\" nor \"false\"\n");
    odd.environment["POWERCONSUL_CONSISTENT"] = "true";
    CHECK(line_of(odd({"role", "-S", "web", "--explain"}).out, "document").find("?consistent") != std::string::npos);
}

TEST_CASE("a role from memory is explained from memory") {
    const sandbox box;
    box.write("config.json", "{}");
    box.write("store.json", store_with(pair_document, "passing"));
    const caller call{box};
    (void)call.check();
    let_agent_be_asked(box);
    caller away{box};
    away.environment["POWERCONSUL_STORE"] = "";
    away.environment["POWERCONSUL_HTTP_ADDR"] = "127.0.0.1:9";
    const auto said = away({"role", "-S", "web", "--explain"});
    CHECK(said.status == 0);
    CHECK(line_of(said.out, "basis") == "basis        cached");
    CHECK(line_of(said.out, "rule") == "rule         what was last expected holds for a while");
    CHECK(line_of(said.out, "document").ends_with("[" + (box / "state/last-known/web.json") + "]"));
    CHECK(line_of(said.out, "last known").starts_with("last known   secondary, expects stopped, ModifyIndex 7, "));
    CHECK(line_of(said.out, "consul") == "consul       http://127.0.0.1:9   [POWERCONSUL_HTTP_ADDR]");
    CHECK(line_of(said.out, "token") == "token        none: the agent's default token counts");
    CHECK(line_of(said.out, "on critical").starts_with("on critical  unknown: cannot reach Consul"));
}

TEST_CASE("role --expect answers by its exit code, and rests on nothing but fresh answers") {
    const std::string pair = R"({"active_nodes": ["production-web1"], "standby_nodes": ["production-web2"]})";
    const std::string swapped = R"({"active_nodes": ["production-web2"], "standby_nodes": ["production-web1"]})";
    struct row {
        std::string_view name;
        std::string document;
        std::string_view active;
        bool known;  ///< a check of this node has looked before
        int running;
        int stopped;
        std::string_view why;
    };
    const row rows[] = {
        {"a standby of an active that serves", pair, "passing", false, 1, 0, "serves as active"},
        {"a standby of an active that does not serve yet", pair, "critical", true, 1, 0, "once that has lasted 20"},
        {"a standby without memory", pair, "critical", false, 1, 1, "no active serves"},
        {"an active", swapped, "critical", false, 0, 1, " is in active_nodes"},
        {"a document that cannot be read", "[]", "passing", false, 69, 69, "cluster document"},
        {"a document that cannot be read any more", "[]", "passing", true, 69, 69, "cluster document"},
        {"without a store", "", "", false, 69, 69, "store.json"},
        {"without a store that was there", "", "", true, 69, 69, "store.json"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const sandbox box;
        box.write("config.json", "{}");
        const caller call{box, {{"POWERCONSUL_TAKEOVER_AFTER", "20s"}}};
        if (each.known) {
            box.write("store.json", store_with(pair, "passing"));
            REQUIRE(call({"check", "tcp", "-p", "1", "--host", "127.0.0.1", "-S", "web"}).status == 0);
        }
        const std::string record = box.text_of("state/last-known/web.json");
        CHECK(record.empty() != each.known);
        box.write("store.json", each.document.empty() ? "{" : store_with(each.document, each.active));
        for (const std::string_view wanted : {"running", "stopped"}) {
            const int status = wanted == "running" ? each.running : each.stopped;
            const auto quiet = call({"role", "web", "--expect", std::string{wanted}, "-q"});
            CHECK(quiet.status == status);
            CHECK(quiet.out.empty());
            CHECK(quiet.err.empty());
            const auto said = call({"role", "web", "--format", "text", "--expect", std::string{wanted}});
            CHECK(said.status == status);
            CHECK(said.out.find(each.why) != std::string::npos);
            CHECK(said.out.find("cached") == std::string::npos);
            CHECK(call({"role", "-S", "web", "--explain", "--expect", std::string{wanted}}).status == status);
        }
        CHECK(box.text_of("state/last-known/web.json") == record);
    }
}

TEST_CASE("a service is named by a word or by -S") {
    const sandbox box;
    box.write("config.json", "{}");
    box.write("store.json", store_with(R"({"mode": "all-active"})", "passing"));
    const caller call{box};
    for (const std::string_view command : {"role", "acl-policy", "doctor"}) {
        CAPTURE(command);
        const std::string name{command};
        const auto by_option = call({name, "-S", "web"});
        CHECK(by_option.out.find("web") != std::string::npos);
        for (const auto& args : {std::vector<std::string>{name, "web"}, {name, "web", "-S", "web"}}) {
            const auto by_word = call(args);
            CHECK(by_word.status == by_option.status);
            // What doctor sees of other agents on this machine may change meanwhile.
            const auto compared = [&](const std::string& out) {
                return command == "doctor" ? line_of(out, "ok       role web ") : out;
            };
            CHECK(compared(by_word.out) == compared(by_option.out));
            CHECK_FALSE(compared(by_word.out).starts_with("no line"));
        }
        struct row {
            std::vector<std::string> args;
            std::string_view text;
        };
        const row rows[] = {
            {{name, "web", "-S", "db"}, R"("web" and -S "db" are two Consul services; name one; see powerconsul )"},
            {{name, "web", "db"}, R"(the argument "db" is one too many)"},
            {{name, ""}, "the name of the Consul service is empty"},
            {{name, "we/b"}, "contains '/'"},
        };
        for (const auto& each : rows) {
            const auto refused = call(each.args);
            CAPTURE(refused.err);
            CHECK(refused.status == 64);
            CHECK(refused.out.empty());
            CHECK(refused.err.find(each.text) != std::string::npos);
        }
    }
    for (const std::string_view wanted : {"either", "unknown", "Running"}) {
        const auto refused = call({"role", "web", "-q", "--expect", std::string{wanted}});
        CHECK(refused.status == 64);
        CHECK(refused.err ==
              "powerconsul: --expect: expected running or stopped, found \"" + std::string{wanted} + "\"\n");
    }
}
