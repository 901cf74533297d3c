#include <powerconsul/json/page.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace powerconsul;

TEST_CASE("a page is rows of text and one JSON object") {
    struct row {
        std::string_view name;
        void (*fill)(json::page&);
        std::string_view text;
        std::string_view json;
    };
    const row rows[] = {
        {"nothing", [](json::page&) {}, "", "{}"},
        {"a row", [](json::page& to) { to.row("node", "web1"); }, "node  web1\n", "{}"},
        {"a row with its source", [](json::page& to) { to.row("node", "web1", "--node"); }, "node  web1   [--node]\n",
         "{}"},
        {"rows in one column, as wide as the longest name needs",
         [](json::page& to) {
             to.row("a", "1");
             to.row("  below", "2");
             to.row("abc", "");
         },
         "a        1\n  below  2\nabc      \n", "{}"},
        {"a member", [](json::page& to) { to.member("id", "a\nb"); }, "", R"({"id":"a b"})"},
        {"a fact", [](json::page& to) { to.fact("why", "reason", "so\tit is"); }, "why  so it is\n",
         R"({"reason":"so it is"})"},
        {"a fact with its source",
         [](json::page& to) {
             to.fact("node", "name", json::sourced{"web1", "the\nhost name"});
         },
         "node  web1   [the host name]\n", R"({"name":{"value":"web1","from":"the host name"}})"},
        {"nothing with its source",
         [](json::page& to) {
             to.fact("node", "name", json::sourced{"", "nobody"});
         },
         "node  -   [nobody]\n", R"({"name":{"value":"","from":"nobody"}})"},
        {"a list of strings",
         [](json::page& to) {
             to.strings("empty", std::vector<int>{}, [](int) { return ""; });
             to.strings("sizes", std::vector<std::size_t>{1, 2}, [](auto each) { return std::string(each, 'x'); });
         },
         "", R"({"empty":[],"sizes":["x","xx"]})"},
        {"lists of objects, one in another",
         [](json::page& to) {
             to.objects("nodes", std::vector<std::string>{"a", "b"}, [&](const auto& node) {
                 to.fact("node", "id", node);
                 to.objects("checks", std::vector<int>(node == "a" ? 1 : 0), [&](int) { to.row("  check", "x"); });
             });
             to.object.key("count").null();
         },
         "node     a\n  check  x\nnode     b\n",
         R"({"nodes":[{"id":"a","checks":[{}]},{"id":"b","checks":[]}],"count":null})"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        json::page page;
        each.fill(page);
        CHECK(page.text() == each.text);
        CHECK(std::move(page).json() == each.json);
    }
}

TEST_CASE("what is too long for a line is cut, for programs where the caller says") {
    json::page page;
    const std::string text(4000, 'x');
    page.fact("a", "a", text);
    page.fact("b", "b", text, 10);
    page.row("c", "", text);
    const std::string cut = std::string(2997, 'x') + "...\n";
    CHECK(page.text() == "a  " + cut + "b  " + cut + "c     [" + std::string(497, 'x') + "...]\n");
    CHECK(std::move(page).json() == R"({"a":")" + std::string(997, 'x') + R"(...","b":"xxxxxxx..."})");
}
