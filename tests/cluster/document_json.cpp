#include <powerconsul/cluster/document_json.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include <powerconsul/core/text.hpp>

using namespace powerconsul;

namespace {

/// `nodes a,b | c` or `all-active`, each rule with its expression in front.
auto written(const cluster_document& document) -> std::string {
    const auto joined = [](const std::vector<std::string>& names) {
        std::string text;
        for (const auto& each : names) text += (text.empty() ? "" : ",") + each;
        return text;
    };
    std::string text;
    for (const auto& rule : document.rules) {
        if (!text.empty()) text += "; ";
        if (!rule.expression.empty()) text += rule.expression + ": ";
        if (rule.group.by == grouping::all_active) {
            text += "all-active" + joined(rule.group.active) + joined(rule.group.standby);
        } else {
            text += rule.group.by == grouping::nodes ? "nodes " : "datacenters ";
            text += joined(rule.group.active) + " | " + joined(rule.group.standby);
        }
    }
    return text;
}

}  // namespace

TEST_CASE("every form of a cluster document is read") {
    struct row {
        std::string_view name;
        std::string_view text;
        std::string_view rules;
    };
    const row rows[] = {
        {"nodes", R"({"active_nodes": ["a1", "a2"], "standby_nodes": ["s1", "s2"]})", "nodes a1,a2 | s1,s2"},
        {"one name for a list", R"({"active_nodes": "a1", "standby_nodes": "s1"})", "nodes a1 | s1"},
        {"datacenters", R"({"active_datacenters": ["hq"], "standby_datacenters": ["dr", "far"]})",
         "datacenters hq | dr,far"},
        {"datacenters, singular", R"({"active_datacenter": "hq", "standby_datacenter": "dr"})", "datacenters hq | dr"},
        {"singular with a list", R"({"active_datacenter": ["hq"], "standby_datacenter": ["dr"]})",
         "datacenters hq | dr"},
        {"one singular, one plural", R"({"active_datacenter": "hq", "standby_datacenters": ["dr"]})",
         "datacenters hq | dr"},
        {"mode", R"({"mode": "all-active"})", "all-active"},
        {"filter", R"({"filter": {"^web": {"active_nodes": "w1", "standby_nodes": "w2"},
                                  "^db": {"active_datacenters": "hq", "standby_datacenters": "dr"}}})",
         "^web: nodes w1 | w2; ^db: datacenters hq | dr"},
        {"mode in a filter", R"({"filter": {"web\\d+$": {"mode": "all-active"}}})", "web\\d+$: all-active"},
        {"comments are passed over",
         R"({"comment": {"by": ["me"]}, "active_nodes": "a", "standby_nodes": "s", "x": null})", "nodes a | s"},
        {"comments in a filter's group", R"({"filter": {"^a": {"_": 1, "mode": "all-active"}}, "note": "n"})",
         "^a: all-active"},
        {"lists beside a filter are passed over, as by the original",
         R"({"filter": {"^a": {"mode": "all-active"}}, "active_nodes": "a"})", "^a: all-active"},
        {"FQDN beside other names", R"({"active_nodes": "a.example.org", "standby_nodes": "b.example.org"})",
         "nodes a.example.org | b.example.org"},
        {"one name in two domains", R"({"active_nodes": "a.example.org", "standby_nodes": "a.example.com"})",
         "nodes a.example.org | a.example.com"},
        {"white space around", "\n {\"mode\":\t\"all-active\"}\n", "all-active"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto document = json::decode_cluster_document(each.text);
        REQUIRE_MESSAGE(document, document.error().message);
        CHECK(written(*document) == each.rules);
    }
}

TEST_CASE("what is no clean cluster document is refused, with the place and what was expected") {
    struct row {
        std::string_view name;
        std::string text;
        std::string_view message;
    };
    const std::string nodes = R"({"active_nodes": ["a"], "standby_nodes": )";
    const row rows[] = {
        {"empty value", "", "the value is empty; delete the key to make the service standalone"},
        {"empty object", "{}",
         "the document at line 1, column 1 (byte 0): expected active_nodes with standby_nodes, active_datacenters with "
         "standby_datacenters, filter, or mode"},
        {"only a comment", R"({"comment": "to do"})",
         "the document at line 1, column 1 (byte 0): expected active_nodes with standby_nodes, active_datacenters with "
         "standby_datacenters, filter, or mode"},
        {"misspelt list", R"({"active_node": ["a"], "standby_node": ["b"]})",
         R"(the document at line 1, column 2 (byte 1): "active_node" is not known; did you mean "active_nodes"?)"},
        {"not JSON", "active_nodes: a",
         "not valid JSON at line 1, column 1 (byte 0): expected a value, found \"active_nodes\""},
        {"only white space", " \n",
         "not valid JSON at line 2, column 1 (byte 2): it is nothing but white space; expected one value"},
        {"a list", R"(["a"])", "the document at line 1, column 1 (byte 0): expected an object, found a list"},
        {"a string", R"("a")", "the document at line 1, column 1 (byte 0): expected an object, found a string"},
        {"null", "null", "the document at line 1, column 1 (byte 0): expected an object, found null"},
        {"list is a number", nodes + "7}",
         "standby_nodes at line 1, column 42 (byte 41): expected a list of names, found a number"},
        {"list is null", nodes + "null}",
         "standby_nodes at line 1, column 42 (byte 41): expected a list of names, found null"},
        {"list is an object", nodes + "{}}",
         "standby_nodes at line 1, column 42 (byte 41): expected a list of names, found an object"},
        {"list is false", nodes + "false}",
         "standby_nodes at line 1, column 42 (byte 41): expected a list of names, found true or false"},
        {"empty list", nodes + "[]}",
         "standby_nodes at line 1, column 42 (byte 41): the list is empty; name at least one"},
        {"both lists empty", R"({"active_nodes": [], "standby_nodes": []})",
         "active_nodes at line 1, column 18 (byte 17): the list is empty; name at least one"},
        {"a name is a number", nodes + "[\"b\", 3]}",
         "standby_nodes[1] at line 1, column 48 (byte 47): expected a name, found a number"},
        {"a name is a list", nodes + "[[\"b\"]]}",
         "standby_nodes[0] at line 1, column 43 (byte 42): expected a name, found a list"},
        {"empty name", nodes + "[\"\"]}",
         R"(standby_nodes[0] at line 1, column 43 (byte 42): the name "" is empty; expected the name of one node or datacenter)"},
        {"empty name for a list", nodes + "\"\"}",
         R"(standby_nodes at line 1, column 42 (byte 41): the name "" is empty; expected the name of one node or datacenter)"},
        {"name with a slash", nodes + "\"b/c\"}",
         R"(standby_nodes at line 1, column 42 (byte 41): the name "b/c" contains '/'; expected the name of one node or datacenter)"},
        {"name with a space at its end", nodes + "\"b \"}",
         R"(standby_nodes at line 1, column 42 (byte 41): the name "b " begins or ends with a space; expected the name of one node or datacenter)"},
        {"only active nodes", R"({"active_nodes": ["a"]})",
         "the document at line 1, column 1 (byte 0): standby_nodes is missing; both lists are needed"},
        {"only standby nodes", R"({"standby_nodes": ["a"]})",
         "the document at line 1, column 1 (byte 0): active_nodes is missing; both lists are needed"},
        {"only active datacenters", R"({"active_datacenter": "hq"})",
         "the document at line 1, column 1 (byte 0): standby_datacenters is missing; both lists are needed"},
        {"only standby datacenters", R"({"standby_datacenters": ["hq"]})",
         "the document at line 1, column 1 (byte 0): active_datacenters is missing; both lists are needed"},
        {"both kinds",
         R"({"active_nodes": "a", "standby_nodes": "b", "active_datacenters": "hq", "standby_datacenters": "dr"})",
         "the document at line 1, column 1 (byte 0): lists of nodes and of datacenters exclude each other; keep one "
         "kind"},
        {"one list of each kind", R"({"active_nodes": "a", "standby_datacenters": "dr"})",
         "the document at line 1, column 1 (byte 0): lists of nodes and of datacenters exclude each other; keep one "
         "kind"},
        {"a node in both lists", R"({"active_nodes": ["a", "b"], "standby_nodes": ["c", "b"]})",
         R"(the document at line 1, column 53 (byte 52): "b" is both active and standby)"},
        {"a node in both lists, once with its domain", R"({"active_nodes": ["a"], "standby_nodes": ["a.example.org"]})",
         R"(the document at line 1, column 43 (byte 42): "a" is both active and standby)"},
        {"a datacenter in both lists", R"({"active_datacenters": "hq", "standby_datacenters": ["hq"]})",
         R"(the document at line 1, column 54 (byte 53): "hq" is both active and standby)"},
        {"one list twice", R"({"active_nodes": "a", "standby_nodes": "b", "active_nodes": "c"})",
         R"(the document at line 1, column 45 (byte 44): the name "active_nodes" comes twice; keep one)"},
        {"a comment twice", R"({"mode": "all-active", "x": 1, "x": 2})",
         R"(the document at line 1, column 32 (byte 31): the name "x" comes twice; keep one)"},
        {"singular beside plural",
         R"({"active_datacenters": "hq", "active_datacenter": "hq", "standby_datacenters": "dr"})",
         "active_datacenter at line 1, column 30 (byte 29): stands beside active_datacenters; keep one of the two"},
        {"an unknown mode", R"({"mode": "active-active"})",
         R"(mode at line 1, column 10 (byte 9): expected "all-active", the only mode, found "active-active")"},
        {"mode is no text", R"({"mode": true})",
         R"(mode at line 1, column 10 (byte 9): expected "all-active", the only mode, found true or false)"},
        {"mode beside lists", R"({"mode": "all-active", "active_nodes": "a", "standby_nodes": "b"})",
         "mode at line 1, column 10 (byte 9): all-active has no lists; remove one or the other"},
        {"filter is a list", R"({"filter": []})",
         "filter at line 1, column 12 (byte 11): expected an object, found a list"},
        {"filter without expression", R"({"filter": {}})",
         R"(filter at line 1, column 12 (byte 11): has no expression; expected one, as in {"^production-web": {"active_nodes": …}})"},
        {"filter's group is no object", R"({"filter": {"^a": "x"}})",
         R"(filter."^a" at line 1, column 19 (byte 18): expected an object, found a string)"},
        {"filter's group is empty", R"({"filter": {"^a": {}}})",
         R"(filter."^a" at line 1, column 19 (byte 18): expected active_nodes with standby_nodes, active_datacenters with standby_datacenters, filter, or mode)"},
        {"filter's group has one list", R"({"filter": {"^a": {"active_nodes": "a"}}})",
         R"(filter."^a" at line 1, column 19 (byte 18): standby_nodes is missing; both lists are needed)"},
        {"filter's second group is wrong", "{\"filter\": {\n\"^a\": {\"mode\": \"all-active\"},\n\"^b\": 1}}",
         R"(filter."^b" at line 3, column 7 (byte 49): expected an object, found a number)"},
        {"one expression twice", R"({"filter": {"^a": {"mode": "all-active"}, "^a": {"mode": "all-active"}}})",
         R"(filter at line 1, column 43 (byte 42): the name "^a" comes twice; keep one)"},
        {"an expression that is not valid", R"x({"filter": {"(?R)": {"mode": "all-active"}}})x",
         R"x(filter at line 1, column 13 (byte 12): the expression "(?R)" is refused at byte 0: (? is taken before : = ! <= <! > P< P= ( # and the flags i, m and s only)x"},
        {"an empty expression", R"({"filter": {"": {"mode": "all-active"}}})",
         R"(filter at line 1, column 13 (byte 12): the expression "" is refused at byte 0: it is empty)"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto document = json::decode_cluster_document(each.text);
        REQUIRE_FALSE(document);
        CHECK(document.error().code == errc::bad_data);
        CHECK(document.error().message == each.message);
    }
}

TEST_CASE("a problem points at its place, which may be closer than the one that its sentence names") {
    struct row {
        std::string_view name;
        std::string_view text;
        std::size_t spot;
    };
    const row rows[] = {
        {"an empty value", "", 0},
        {"no object", " []", 1},
        {"a node in both lists", R"({"active_nodes": ["a", "b"], "standby_nodes": ["c", "b"]})", 52},
        {"both one name", R"({"active_nodes": "b", "standby_nodes": "b"})", 39},
        {"behind what is no name", R"({"active_nodes": ["b"], "standby_nodes": [1, "b"]})", 45},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto read = json::read_cluster_document(each.text);
        REQUIRE_FALSE(read.problems.empty());
        CHECK(read.problems.back().offset.value_or(0) == each.spot);
    }
    CHECK(json::read_cluster_document("[]").problems.size() == 1);
}

TEST_CASE("of one document a bounded number of problems is told") {
    std::string text = R"({"standby_nodes": "a", "active_nodes": [1)";
    for (std::size_t i = 1; i < json::most_problems; ++i) text += ",1";
    CHECK(json::read_cluster_document(text + "]}").problems.size() == json::most_problems);
    CHECK(json::read_cluster_document(text + ",1]}").problems.size() == json::most_problems);
}
