#include <powerconsul/lint/linter.hpp>

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <string_view>

#include <powerconsul/testing/memory_files.hpp>

#include "../lint_lines.hpp"

using namespace powerconsul;

TEST_CASE("a program that this machine lacks is worth a note where the trigger would run") {
    struct row {
        std::string_view name;
        bool on_node;
        std::string_view there;
        std::string lines;
    };
    const row rows[] = {
        {"it is there", true, "/bin/tool", ""},
        {"it is not", true, "/bin/other", "k:1:1: note: there is no /bin/tool on this machine\n"},
        {"nobody knows where it will run", false, "/bin/other", ""},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        testing::memory_files files;
        files.put(std::string{each.there}, "not empty");
        linter to{lint_surroundings{.on_node = each.on_node}, files};
        to.trigger("k", R"({"command": ["/bin/tool"]})");
        CHECK(joined(lines_of(to.report())) == each.lines);
    }
    testing::memory_files files;
    files.fail_on("/bin/tool", {errc::denied, "not yours"});
    linter to{lint_surroundings{.on_node = true}, files};
    to.trigger("k", R"({"command": ["/bin/tool"]})");
    CHECK(to.report().findings().empty());
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
