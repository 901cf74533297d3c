#include <powerconsul/lint/linter.hpp>

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/testing/memory_files.hpp>

#include "../lint_lines.hpp"

using namespace powerconsul;

TEST_CASE("a program that this machine lacks is told of where the trigger would run") {
    const std::string path = "the PATH of triggers, /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n";
    struct row {
        std::string_view name;
        bool on_node;
        std::string_view value;
        std::string lines;
    };
    const row rows[] = {
        {"it is there", true, R"({"command": ["/bin/tool"]})", ""},
        {"it is not", true, R"({"command": ["/bin/tols"]})", "there is no /bin/tols on this machine\n"},
        {"it cannot be run", true, R"({"command": ["/bin/text"]})", "/bin/text is no executable file\n"},
        {"it is a directory", true, R"({"command": ["/bin"]})", "/bin is no executable file\n"},
        {"nobody knows where it will run", false, R"({"command": ["/bin/tols"]})", ""},
        {"in the PATH", true, "tool restart; sub-tool -x", ""},
        {"not in the PATH", true, "tols restart", "there is no command tols on this machine in " + path},
        {"in the PATH, but cannot be run", true, "text", "there is no command text on this machine in " + path},
        {"of a shell text, by its path", true, "tool; /opt/tool", "there is no /opt/tool on this machine\n"},
        {"of a shell text that nobody runs here", false, "tols restart", ""},
        {"on a condition", true, "tool && tols", ""},
        {"with a PATH of its own", true, "PATH=/opt/bin:$PATH; tols", ""},
    };
    for (const auto& each : rows) {
        for (const bool here : {false, true}) {
            CAPTURE(each.name);
            CAPTURE(here);
            testing::memory_files files;
            const file_status program{.kind = file_kind::regular, .mode = 0755};
            for (const std::string_view path_of : {"/bin/sh", "/bin/tool", "/usr/sbin/sub-tool"}) {
                files.put(std::string{path_of}, "x", program);
            }
            files.put("/bin/text", "x", {.kind = file_kind::regular, .mode = 0644});
            linter to{lint_surroundings{.on_node = each.on_node}, files};
            if (here) to.instances_here.insert("web");
            to.trigger("k", each.value, "web");
            to.finish();
            std::string said = joined(lines_of(to.report()));
            CHECK((said.find(here ? ": warning: " : ": note: ") != std::string::npos) == !each.lines.empty());
            said.erase(0, said.find_first_of("/t", said.find(each.lines.empty() ? "" : ": ", 6)));
            CHECK(said == each.lines);
        }
    }
    testing::memory_files files;
    files.fail_on("/bin/tool", {errc::denied, "not yours"});
    linter to{lint_surroundings{.on_node = true}, files};
    to.trigger("k", R"({"command": ["/bin/tool"]})");
    to.finish();
    CHECK(to.report().findings().empty());
}

TEST_CASE("a settle time below a check's interval is regretted") {
    const std::string key = "triggers/production/web/primary/critical";
    const auto said_of = [&](std::string_view value, const std::string& at, milliseconds interval,
                             const std::string& service = "web") {
        testing::memory_files files;
        linter to{lint_surroundings{}, files};
        to.slow_checks[service] = {"disk", interval};
        to.value_at(classify_key({}, at), at, value);
        to.finish();
        return joined(lines_of(to.report()));
    };
    CHECK(said_of("date", key, seconds(60)) ==
          key +
              ": warning: the settle time of 30 s is below the interval of 60 s of check disk, which may not have run "
              "since; use the form {\"command\": [...], \"settle\": \"60s\"}\n");
    CHECK(said_of("date", key, seconds(30)).empty());
    CHECK(said_of("date", key, seconds(60), "mail").empty());
    CHECK(said_of("date", "triggers/production/web/primary/passing", seconds(60)).empty());
    CHECK(said_of(R"({"script": "date", "settle": "1m"})", key, seconds(60)).empty());
    CHECK(said_of(R"({"script": "date", "settle": "59s"})", key, milliseconds{59'500})
              .ends_with("\"settle\": \"60s\"}\n"));
    // What is refused runs never.
    CHECK(said_of("#!", key, seconds(60)).find("settle") == std::string::npos);
}

TEST_CASE("triggers are held against the documents of their service and environment") {
    testing::memory_files files;
    linter to{lint_surroundings{}, files};
    const auto trigger = [&](const std::string& environment, const std::string& service, const std::string& role) {
        to.value_at({key_kind::trigger, environment, service, role, "critical", {}},
                    environment + '/' + service + '/' + role, "date");
    };
    to.value_at({key_kind::document, "a", "web", {}, {}, {}}, "a/web", R"({"mode": "all-active"})");
    to.value_at({key_kind::document, "a", "bad", {}, {}, {}}, "a/bad", "x");
    to.exported.insert("a");
    to.without_document.insert("gone");
    trigger("a", "web", "primary");
    trigger("a", "web", "standalone");
    trigger("a", "bad", "standalone");
    trigger("a", "none", "primary");
    trigger("b", "web", "standalone");
    trigger("b", "gone", "secondary");
    to.finish();
    CHECK(to.services() == std::set<std::string>{"bad", "gone", "none", "web"});
    CHECK(joined(lines_of(to.report())).find("a/bad") == 0);
    CHECK(to.report().count(severity::warning) == 3);
    const auto text = joined(lines_of(to.report()));
    CHECK(text.find("a/none/primary: warning: this trigger never runs: without a cluster document every node is "
                    "standalone, and this export has none\n") != std::string::npos);
    CHECK(text.find("a/web/standalone: warning: this trigger never runs: ") != std::string::npos);
    CHECK(text.find("b/gone/secondary: warning: this trigger never runs: ") != std::string::npos);
}

TEST_CASE("a base has no slash at its end, and stands for any environment where none is known") {
    CHECK(base_of("", "cluster", "") == "cluster/*");
    CHECK(base_of("", "cluster", "test") == "cluster/test");
    CHECK(base_of("kv/c/", "cluster", "test") == "kv/c");
    CHECK(base_of("kv/c", "cluster", "test") == "kv/c");
}

TEST_CASE("a key that not every Consul takes is warned of where it is used") {
    testing::memory_files files;
    linter to{{}, files};
    for (const std::string key :
         {"cluster/production/web", "cluster/production/shop.example.com", "app/a b",
          "triggers/production/a b/primary/critical", "triggers/production/x.com/primary/warning"}) {
        to.value_at(classify_key(to.around().bases, key), key,
                    key.starts_with("triggers") ? "true" : R"({"mode": "all-active"})");
    }
    std::string warned;
    for (const auto& line : lines_of(to.report())) {
        if (line.find("some versions of Consul") != std::string::npos) warned += line + '\n';
    }
    CHECK(
        warned ==
        "cluster/production/shop.example.com: warning: some versions of Consul do not take the key "
        "\"cluster/production/shop.example.com\": it ends in .com, as the name of a file; give the service another "
        "name\n"
        "triggers/production/a b/primary/critical: warning: some versions of Consul do not take the key "
        "\"triggers/production/a b/primary/critical\": it has other characters than letters, digits and ,_./-?&=; give "
        "the service another name\n");
}

namespace {

/// A linter that examines whole keys of a KV store.
struct store_of {
    testing::memory_files files{};
    linter<testing::memory_files> to;

    explicit store_of(lint_surroundings around = {}) : to{std::move(around), files} {
        for (const std::string_view each : {"/bin/sh", "/bin/date"}) {
            files.put(std::string{each}, "x", {.kind = file_kind::regular, .mode = 0755});
        }
    }

    auto put(const std::string& key, std::string_view value = "date") -> store_of& {
        to.value_at(classify_key(to.around().bases, key), key, value);
        return *this;
    }
    [[nodiscard]] auto text() -> std::string {
        to.finish();
        return joined(lines_of(to.report()));
    }
};

constexpr std::string_view pair = R"({"active_nodes": ["a"], "standby_nodes": ["b"]})";

}  // namespace

TEST_CASE("of a service with standbys, what one role lacks and another has is told") {
    struct row {
        std::string_view name;
        std::string_view document;
        std::vector<std::string> triggers;
        std::string lines;
    };
    const std::string own = "triggers/e/web/";
    const std::string shared = "triggers/web/";
    const std::string is = ": warning: there is no such trigger for ";
    const std::string nothing_stops =
        is + "secondary: nothing stops web on a standby that runs it while an active serves\n";
    const std::string nothing_starts =
        is + "primary: nothing starts web, neither on an active nor on a standby that takes over\n";
    const row rows[] = {
        {"none", pair, {}, ""},
        {"both", pair, {own + "primary/critical", own + "secondary/critical"}, ""},
        {"both, one of them for all environments", pair, {own + "primary/critical", shared + "secondary/critical"}, ""},
        {"only one that starts", pair, {own + "primary/critical"}, own + "primary/critical" + nothing_stops},
        {"only one that stops", pair, {own + "secondary/critical"}, own + "secondary/critical" + nothing_starts},
        {"only one that starts, for all environments",
         pair,
         {shared + "primary/critical"},
         shared + "primary/critical" + nothing_stops},
        {"a standby that is to be stopped is never warning", pair, {own + "primary/warning"}, ""},
        {"the ends of an incident need not be told of both roles",
         pair,
         {own + "primary/passing", own + "secondary/given-up"},
         ""},
        {"nothing for an active that is warning",
         pair,
         {own + "secondary/warning"},
         own + "secondary/warning" + is + "primary: nothing heals web where it is expected to run and runs in part\n"},
        {"the other state does not count",
         pair,
         {own + "primary/critical", own + "secondary/warning"},
         own + "primary/critical" + nothing_stops + own + "secondary/warning" + is +
             "primary: nothing heals web where it is expected to run and runs in part\n"},
        {"another environment's does not count",
         pair,
         {own + "primary/critical", "triggers/f/web/secondary/critical"},
         own + "primary/critical" + nothing_stops},
        {"no standbys", R"({"mode": "all-active"})", {own + "primary/critical"}, ""},
        {"a document that is wrong", "{", {own + "primary/critical"}, ""},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        store_of kv;
        for (const auto& key : each.triggers) kv.put(key);
        kv.put("cluster/e/web", each.document);
        const auto unpaired = kv.to.unpaired().size();
        const auto text = kv.text();
        if (each.document.size() > 1) CHECK(text == each.lines);
        CHECK((text.find("no such trigger") != std::string::npos) == (unpaired != 0));
        CHECK((unpaired != 0) == !each.lines.empty());
    }
    store_of hidden;
    hidden.put("cluster/e/web", pair).put(own + "primary/critical").to.unread.insert("web");
    CHECK(hidden.text().empty());
}

TEST_CASE("of two values for one trigger the one that is not used is warned of") {
    const std::string says =
        ": warning: it is not used where triggers/e/web/standalone/critical is read first, which "
        "has a value, too\n";
    CHECK(store_of{}
              .put("triggers/e/web/standalone/critical")
              .put("triggers/web/standalone/critical")
              .put("triggers/web/standalone/warning")
              .put("triggers/e/mail/standalone/critical")
              .text() == "triggers/web/standalone/critical" + says);
}

TEST_CASE("a trigger for all environments is useless only if no environment can run it") {
    struct row {
        std::string_view name;
        bool on_node;
        std::vector<std::pair<std::string, std::string_view>> documents;
        std::vector<std::string> exported;
        bool without;  ///< Consul says that there is no document
        std::string trigger;
        std::string_view says;  ///< empty: nothing
    };
    constexpr std::string_view all = R"({"mode": "all-active"})";
    const std::string key = "triggers/web/";
    const row rows[] = {
        {"nothing is known", false, {}, {}, false, key + "secondary/warning", ""},
        {"in no environment",
         false,
         {{"cluster/a/web", all}, {"cluster/b/web", all}},
         {"a", "b"},
         false,
         key + "secondary/warning",
         ": warning: this trigger never runs: the mode of its cluster document is all-active: every node is primary\n"},
        {"in one of two",
         false,
         {{"cluster/a/web", all}, {"cluster/b/web", "x"}},
         {},
         false,
         key + "secondary/warning",
         ""},
        {"where there is no document",
         false,
         {{"cluster/a/web", all}},
         {"a", "b"},
         false,
         key + "standalone/warning",
         ""},
        {"where there is one everywhere",
         false,
         {{"cluster/a/web", all}},
         {"a"},
         false,
         key + "standalone/warning",
         ": warning: this trigger never runs: with a cluster document no node is standalone\n"},
        {"a node knows its own environment only",
         true,
         {{"cluster/a/web", all}},
         {},
         false,
         key + "standalone/warning",
         ": note: in this environment this trigger never runs: with a cluster document no node is standalone\n"},
        {"and there it has no document",
         true,
         {},
         {},
         true,
         key + "primary/warning",
         ": note: in this environment this trigger never runs: without a cluster document every node is standalone\n"},
        {"and there it is standalone", true, {}, {}, true, key + "standalone/warning", ""},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        store_of kv{{.on_node = each.on_node}};
        for (const auto& [name, document] : each.documents) kv.put(name, document);
        kv.to.exported = {each.exported.begin(), each.exported.end()};
        if (each.without) kv.to.without_document.insert("web");
        kv.put(each.trigger, "date");
        std::string said = kv.text();
        if (const auto at = said.find(each.trigger); at != std::string::npos) said.erase(0, at);
        if (said.find(each.trigger) != 0) said.clear();
        CHECK(said == (each.says.empty() ? "" : each.trigger + std::string{each.says}));
    }
}

TEST_CASE("a service that is named like an environment shares its triggers' place") {
    struct row {
        std::string_view name;
        std::vector<std::string> keys;
        bool warned;
    };
    const row rows[] = {
        {"a service of another environment",
         {"triggers/production/test/standalone/critical", "triggers/test/web/standalone/critical"},
         true},
        {"known by its document", {"cluster/production/test", "cluster/test/web"}, true},
        {"known by a trigger for all", {"triggers/test/standalone/critical", "cluster/test/web"}, true},
        {"the environment's only service", {"triggers/test/test/standalone/critical"}, false},
        {"no environment",
         {"triggers/production/test/standalone/critical", "triggers/test/standalone/critical"},
         false},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        store_of kv;
        for (const auto& key : each.keys)
            kv.put(key, key.starts_with("cluster") ? R"({"mode": "all-active"})" : "date");
        CHECK((kv.text().find("triggers/test: warning: a service and an environment have this name: ") !=
               std::string::npos) == each.warned);
    }
    store_of one{{.bases = {.shared = {}}}};
    one.to.environments.insert("web");
    CHECK(one.put("triggers/e/web/standalone/critical").text().empty());
}
