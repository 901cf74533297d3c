#include <powerconsul/lint/document.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "../lint_lines.hpp"

using namespace powerconsul;
using words = std::vector<std::string>;

namespace {

auto found(std::string_view text, const json::service_sight* seen = nullptr) -> words {
    lint_report report;
    (void)json::lint_cluster(report, "k", text, seen);
    return lines_of(report);
}

struct row {
    std::string_view name;
    std::string_view text;
    words lines;
};

}  // namespace

TEST_CASE("all of a document's errors are found, each at its place") {
    const row rows[] = {
        {"empty", "", {"k:1:1: error: the value is empty; delete the key to make the service standalone"}},
        {"truncated",
         R"({"active_nodes": ["a")",
         {"k:1:22: error: not valid JSON: expected \",\" or \"]\", found the end of the text; it was cut off"}},
        {"byte order mark",
         "\xEF\xBB\xBF{}",
         {"k:1:1: error: not valid JSON: a byte order mark; save the text as UTF-8 without one"}},
        {"not UTF-8",
         "{\"mode\":\n \"\xFF\"}",
         {"k:2:3: error: not valid JSON: the byte 0xFF is no UTF-8; save the text as UTF-8"}},
        {"a list", "[]", {"k:1:1: error: the document: expected an object, found a list"}},
        {"nothing",
         "{}",
         {"k:1:1: error: the document: expected active_nodes with standby_nodes, active_datacenters with "
          "standby_datacenters, filter, or mode"}},
        {"a name that is nearly known",
         R"({"a": 1, "mod": "all-active"})",
         {R"(k:1:10: error: the document: "mod" is not known; did you mean "mode"?)"}},
        {"empty list",
         R"({"active_nodes": [], "standby_nodes": ["a"]})",
         {"k:1:18: error: active_nodes: the list is empty; name at least one"}},
        {"both lists empty, over lines",
         "{\n  \"active_nodes\": [],\n  \"standby_nodes\": []\n}",
         {"k:2:19: error: active_nodes: the list is empty; name at least one",
          "k:3:20: error: standby_nodes: the list is empty; name at least one"}},
        {"names that are none",
         R"({"active_nodes": [1, "a/b", ""], "standby_nodes": {"a": 1}})",
         {"k:1:19: error: active_nodes[0]: expected a name, found a number",
          "k:1:22: error: active_nodes[1]: the name \"a/b\" contains '/'; expected the name of one node or "
          "datacenter",
          "k:1:29: error: active_nodes[2]: the name \"\" is empty; expected the name of one node or datacenter",
          "k:1:51: error: standby_nodes: expected a list of names, found an object"}},
        {"in both lists",
         R"({"active_nodes": ["a", "b"], "standby_nodes": ["c", "B", "a.example"]})",
         {R"(k:1:53: error: the document: "b" is both active and standby)",
          R"(k:1:58: error: the document: "a" is both active and standby)"}},
        {"one list only",
         R"({"active_datacenters": "hq"})",
         {"k:1:1: error: the document: standby_datacenters is missing; both lists are needed"}},
        {"both kinds, and one of them broken",
         R"({"active_nodes": "a", "standby_datacenters": []})",
         {"k:1:1: error: the document: lists of nodes and of datacenters exclude each other; keep one kind",
          "k:1:46: error: standby_datacenters: the list is empty; name at least one"}},
        {"both spellings",
         R"({"active_datacenter": "hq", "active_datacenters": "hq", "standby_datacenter": "dr"})",
         {"k:1:2: error: active_datacenter: stands beside active_datacenters; keep one of the two"}},
        {"a name twice",
         R"({"active_nodes": "a", "active_nodes": "b", "standby_nodes": "c"})",
         {R"(k:1:23: error: the document: the name "active_nodes" comes twice; keep one)"}},
        {"mode of another kind",
         R"({"mode": 1})",
         {R"(k:1:10: error: mode: expected "all-active", the only mode, found a number)"}},
        {"mode with lists",
         R"({"mode": "all-active", "active_nodes": "a"})",
         {"k:1:10: error: mode: all-active has no lists; remove one or the other"}},
        {"filter of another kind", R"({"filter": []})", {"k:1:12: error: filter: expected an object, found a list"}},
        {"filter without an expression",
         R"({"filter": {}})",
         {R"(k:1:12: error: filter: has no expression; expected one, as in {"^production-web": {"active_nodes": …}})"}},
        {"every group of a filter is looked at",
         R"({"filter": {"(": {"mode": "x"}, "b": 1, "c": {}}})",
         {R"(k:1:13: error: filter: the expression "(" is refused at byte 1: missing closing parenthesis)",
          R"(k:1:27: error: mode: expected "all-active", the only mode, found "x")",
          R"(k:1:38: error: filter."b": expected an object, found a number)",
          R"(k:1:46: error: filter."c": expected active_nodes with standby_nodes, active_datacenters with )"
          "standby_datacenters, filter, or mode"}},
        {"a listed node that two expressions match",
         R"({"filter": {"a": {"active_nodes": "a1", "standby_nodes": "a2"}, "a1": {"mode": "all-active"}}})",
         {R"(k:1:35: error: filter: both "a" and "a1" match node "a1"; exactly one expression must)"}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(joined(found(each.text)) == joined(each.lines));
    }
}

TEST_CASE("what a document is going to be regretted for is a warning") {
    const row rows[] = {
        {"a pair", R"({"active_nodes": ["a1"], "standby_nodes": ["a2"], "comment": 1, "note": "x", "node": 2})", {}},
        {"all active", R"({"mode": "all-active"})", {}},
        {"datacenters", R"({"active_datacenter": "hq", "standby_datacenters": ["dr"]})", {}},
        {"a filter",
         R"({"filter": {"^a": {"active_nodes": "a1", "standby_nodes": "a2"}, "^b": {"mode": "all-active"}}})",
         {}},
        {"listed twice",
         R"({"active_nodes": ["a", "b", "a"], "standby_nodes": "c"})",
         {R"(k:1:29: warning: "a" is listed twice)"}},
        {"twice but for case and domain",
         R"({"active_nodes": ["a", "A.example.org"], "standby_nodes": "c"})",
         {R"(k:1:24: warning: "a" and "A.example.org" are the same: case does not count, nor a domain that only one has)"}},
        {"differing by domain only",
         R"({"active_nodes": "a.one", "standby_nodes": ["b", "a.two"]})",
         {R"(k:1:50: warning: "a.one" and "a.two" differ only in their domain: a node that is called a would be both)"}},
        {"a datacenter twice",
         R"({"active_datacenters": ["hq", "hq"], "standby_datacenters": "dr"})",
         {R"(k:1:31: warning: "hq" is listed twice)"}},
        {"nearly a list",
         R"({"active_nodes": "a", "standby_nodes": "b", "standby_node": "c", "Mode": 1})",
         {R"(k:1:45: warning: "standby_node" is not known and passed over; did you mean "standby_nodes"?)",
          R"(k:1:66: warning: "Mode" is not known and passed over; did you mean "mode"?)"}},
        {"lists beside a filter",
         R"({"filter": {"a": {"mode": "all-active"}}, "active_nodes": ["a"], "comment": "b"})",
         {R"(k:1:43: warning: "active_nodes" beside filter is passed over)"}},
        {"a listed node that no expression matches",
         R"({"filter": {"web": {"active_nodes": "production-web1", "standby_nodes": "web2"}}})",
         {R"(k:1:37: warning: "production-web1" is listed below "web", but no expression matches it from its start: its role is unknown)"}},
        {"a listed node that another expression matches",
         R"({"filter": {"^a": {"active_nodes": "a1", "standby_nodes": "b2"}, "^b": {"mode": "all-active"}}})",
         {R"(k:1:59: warning: "b2" is listed below "^a", but "^b" is what matches it)"}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(joined(found(each.text)) == joined(each.lines));
    }
}

TEST_CASE("a document is held against what Consul shows") {
    const auto on = [](std::string_view node, std::string_view datacenter = "hq") {
        return instance{std::string{node}, std::string{datacenter}, {}};
    };
    const json::service_sight three{
        "web", "hq", {on("web1"), on("web2"), on("web3"), on("web9", "dr")}, {"hq", "dr"}, true};
    const row rows[] = {
        {"each is listed", R"({"active_nodes": ["web1", "web2"], "standby_nodes": ["web3.example", "spare"]})", {}},
        {"one is in neither list",
         R"({"active_nodes": ["web1"], "standby_nodes": ["WEB2"]})",
         {"k:1:1: warning: web is on web3 too, whose role is unknown: node web3 is neither in active_nodes nor in "
          "standby_nodes"}},
        {"standbys without an instance",
         R"({"active_nodes": ["web1", "web2", "web3"], "standby_nodes": ["other1", "other2"]})",
         {"k:1:62: warning: standby_nodes names no node on which Consul shows web; it is on web1, web2, web3 and "
          "web9"}},
        {"nearly a node",
         R"({"active_nodes": ["web1", "web2"], "standby_nodes": ["wbe3", "web9"]})",
         {R"(k:1:1: warning: web is on web3 too, whose role is unknown: node web3 is neither in active_nodes nor in standby_nodes)",
          R"(k:1:54: warning: Consul shows no web on "wbe3"; did you mean "web3"?)"}},
        {"an expression without a node",
         R"({"filter": {"web": {"active_nodes": ["web1", "web2"], "standby_nodes": "web3"}, "db": {"mode": "all-active"}}})",
         {R"(k:1:81: warning: "db" matches none of the nodes on which Consul shows web: web1, web2, web3 and web9)"}},
        {"two expressions for a node that is not listed",
         R"({"filter": {"web": {"mode": "all-active"}, "web3": {"mode": "all-active"}}})",
         {R"(k:1:1: error: filter: both "web" and "web3" match node "web3"; exactly one expression must)"}},
        {"a datacenter that Consul does not know",
         R"({"active_datacenters": ["hq"], "standby_datacenters": ["rd"]})",
         {R"(k:1:56: warning: Consul knows no datacenter "rd"; there are hq and dr)"}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(joined(found(each.text, &three)) == joined(each.lines));
    }
}

TEST_CASE("what Consul did not show is not held against a document") {
    const std::string_view text = R"({"active_nodes": ["a"], "standby_nodes": ["b"]})";
    const json::service_sight part{"web", "hq", {{"c", "dr", {}}}, {"hq", "dr"}, false};
    const json::service_sight none{"web", "hq", {}, {}, true};
    CHECK(found(text, &part).empty());
    CHECK(found(text, &none).empty());
    CHECK(found(R"({"active_datacenters": ["x"], "standby_datacenters": ["y"]})", &none).empty());
}

TEST_CASE("a large document is bounded in what it costs and what is said of it") {
    std::string names;
    for (int i = 0; i < 5000; ++i) names += (i == 0 ? "\"x" : ",\"x") + std::to_string(i) + '"';
    std::string filter;
    for (int i = 0; i < 300; ++i) {
        filter += (i == 0 ? "\"^[xy]" : ",\"^[xy]") + std::to_string(i) + "$\":{\"active_nodes\":\"x" +
                  std::to_string(i) + "\",\"standby_nodes\":\"y" + std::to_string(i) + "\"}";
    }
    const auto lines = found("{\"filter\":{" + filter + "}}");
    REQUIRE(lines.size() == 1);
    CHECK(lines.front() == "k: note: it has too many expressions and nodes to match them all");
    CHECK(found("{\"active_nodes\":[" + names + "],\"standby_nodes\":\"z\"}").empty());
    std::string numbers = "0";
    for (int i = 0; i < 5000; ++i) numbers += ",0";
    const auto wrong = found("{\"active_nodes\":[" + numbers + "],\"standby_nodes\":\"z\"}");
    CHECK(wrong.size() == json::most_problems + 1);
    CHECK(wrong.front() == "k: note: further errors are not shown");
}

TEST_CASE("lint has an error where the decoder refuses, with its message, and nowhere else") {
    const std::string_view texts[] = {"",
                                      " ",
                                      "{",
                                      "{}",
                                      "[]",
                                      "null",
                                      "\"a\"",
                                      "1",
                                      "{\"mode\":\"all-active\"}x",
                                      R"({"mode": "all-active"})",
                                      R"({"mode": ""})",
                                      R"({"active_nodes": "a"})",
                                      R"({"active_nodes": "a", "standby_nodes": "b"})",
                                      R"({"active_nodes": "a", "standby_nodes": "A"})",
                                      R"({"active_nodes": ["a", null], "standby_nodes": "b"})",
                                      R"({"active_nodes": [["a"]], "standby_nodes": "b"})",
                                      R"({"active_nodes": "", "standby_nodes": "b"})",
                                      R"({"active_nodes": ".", "standby_nodes": ".."})",
                                      R"({"active_nodes": " a", "standby_nodes": "b"})",
                                      R"({"active_nodes": "a", "standby_nodes": "b", "mode": null})",
                                      R"({"Active_nodes": "a", "standby_nodes": "b"})",
                                      R"({"active_nodes": [], "active_datacenters": [], "mode": 1})",
                                      R"({"filter": null})",
                                      R"({"filter": {"": {}}})",
                                      R"({"filter": {"a": {"filter": {}}}})",
                                      R"({"filter": {"a": {"mode": "all-active"}}})",
                                      R"({"filter": {"a": {"mode": "all-active"}, "a": {"mode": "all-active"}}})",
                                      R"j({"filter": {"a(?:b)": {"mode": "all-active"}}})j",
                                      R"({"filter": {"a": {"active_nodes": "a"}}})",
                                      R"({"active_datacenter": [], "active_datacenters": "a"})",
                                      "{\"mode\":\"\xED\xA0\x80\"}",
                                      R"({"mode":"\ud800"})",
                                      "{\"active_nodes\":\"a\",\"standby_nodes\":\"b\\u0000\"}"};
    for (const auto text : texts) {
        CAPTURE(text);
        lint_report report;
        const auto valid = json::lint_cluster(report, "k", text);
        const auto decoded = json::decode_cluster_document(text);
        CHECK(valid.has_value() == decoded.has_value());
        CHECK((report.count(severity::error) == 0) == decoded.has_value());
        if (decoded) continue;
        const auto read = json::read_cluster_document(text);
        CHECK(json::sentence(read.problems.front(), text) == decoded.error().message);
    }
}
