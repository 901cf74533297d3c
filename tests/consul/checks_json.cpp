#include <powerconsul/consul/checks_json.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using namespace powerconsul;
using namespace std::string_literals;

namespace {

/// As Consul 1.8.7 writes it.
constexpr std::string_view from_consul =
    R"([{"Node":"n1","CheckID":"web-chk","Name":"web check","Status":"critical","Notes":"","Output":"","ServiceID":"web",)"
    R"("ServiceName":"web","ServiceTags":[],"Type":"script","Definition":{"Interval":"0s","Timeout":"0s",)"
    R"("DeregisterCriticalServiceAfter":"0s","HTTP":"","Header":null,"Method":"","Body":"","TLSSkipVerify":false,)"
    R"("TCP":""},"CreateIndex":14,"ModifyIndex":15}])"
    "\n";

auto entry(std::string_view node, std::string_view id, std::string_view members = "") -> std::string {
    return R"({"Node":")" + std::string{node} + R"(","CheckID":")" + std::string{id} +
           R"(","Status":"critical","ServiceName":"web")" + std::string{members} + '}';
}

auto only(const result<std::vector<snapshot_check>>& read) -> snapshot_check {
    REQUIRE_MESSAGE(read, read.error().message);
    REQUIRE(read->size() == 1);
    return read->front();
}

struct refused_row {
    std::string_view name;
    std::string text;
    std::string_view message;
};

void check_refused(const auto& rows, auto decode) {
    for (const refused_row& each : rows) {
        CAPTURE(each.name);
        const auto read = decode(each.text);
        REQUIRE_FALSE(read);
        CHECK(read.error().code == errc::bad_data);
        CHECK(read.error().message == each.message);
    }
}

auto checks_of(std::string_view text, std::string_view node) -> result<std::vector<snapshot_check>> {
    return json::snapshot{text}.checks_of({std::string{node}, {}, {}});
}

}  // namespace

TEST_CASE("how often a check runs is read where Consul says so, and anything else there is left out") {
    CHECK(only(checks_of(from_consul, "n1")).interval.empty());
    CHECK(only(checks_of('[' + entry("n1", "c", R"(,"Interval":"1m0s","Definition":{"Interval":"5s"})") + ']', "n1"))
              .interval == "1m0s");
    for (const std::string_view odd : {"null", "10", "[1]", R"({"a": 1})", "true"}) {
        CAPTURE(odd);
        const std::string member = R"(,"Interval":)" + std::string{odd};
        CHECK(only(checks_of('[' + entry("n1", "c", member) + ']', "n1")).interval.empty());
    }
}

TEST_CASE("the input of a checks watch is read") {
    const auto check = only(checks_of(from_consul, "n1"));
    CHECK(check.node == "n1");
    CHECK(check.check_id == "web-chk");
    CHECK(check.name == "web check");
    CHECK(check.status == "critical");
    CHECK(check.output.empty());
    CHECK(check.service_id == "web");
    CHECK(check.service_name == "web");
    CHECK(check.create_index == 14);
    CHECK(check.modify_index == 15);
    for (const std::string_view node : {"n2", "N1", "n", "n11", "n1.example.com", ""}) {
        CAPTURE(node);
        const auto none = checks_of(from_consul, node);
        REQUIRE(none);
        CHECK(none->empty());
    }
    CHECK(checks_of("[]", "n1")->empty());
    CHECK(checks_of(" [ ] \r\n\t", "n1")->empty());
}

TEST_CASE("of the entries those of this node count that are of a service and no maintenance") {
    struct row {
        std::string_view name;
        std::string entry;
        std::size_t count;
    };
    const row rows[] = {
        {"a service's", entry("n1", "c"), 1},
        {"another node's", entry("n2", "c"), 0},
        {"a node's own check",
         R"({"Node":"n1","CheckID":"serfHealth","Status":"critical","ServiceID":"","ServiceName":""})", 0},
        {"node maintenance",
         R"({"Node":"n1","CheckID":"_node_maintenance","Status":"critical","Output":"","Notes":"why","ServiceName":""})",
         0},
        {"service maintenance", entry("n1", "_service_maintenance:web"), 0},
        {"what only sounds like it", entry("n1", "my_service_maintenance:web"), 1},
        {"of another state, which is for the caller",
         R"({"Node":"n1","CheckID":"c","Status":"passing","ServiceName":"web"})", 1},
        {"another node's without anything", R"({"Node":"n2"})", 0},
        {"another node's with what is wrong in ours",
         R"({"Node":"n2","CheckID":1,"Status":[],"Output":{},"CreateIndex":"x","Output":1,"ServiceName":{"Node":"n1"}})",
         0},
        {"wrong before the node is known to be another", R"({"CheckID":1,"CheckID":2,"CreateIndex":-1,"Node":"n2"})",
         0},
        {"the node in a deeper object only is not the node",
         R"({"Definition":{"Node":"n1","CheckID":"c"},"Node":"n2","Tags":[{"Node":"n1"}]})", 0},
        {"the node last", R"({"ServiceName":"web","Status":"warning","CheckID":"c","Node":"n1"})", 1},
        {"the node with an escape", R"({"Node":"n\u0031","CheckID":"c","Status":"warning","ServiceName":"web"})", 1},
        {"members of newer releases",
         entry("n1", "c", R"(,"Namespace":"default","ExposedPort":0,"PeerName":null,"X":[[{}]])"), 1},
    };
    std::string all;
    std::size_t sum = 0;
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto read = checks_of('[' + each.entry + ']', "n1");
        REQUIRE_MESSAGE(read, read.error().message);
        CHECK(read->size() == each.count);
        all += (all.empty() ? "" : ", ") + each.entry;
        sum += each.count;
    }
    const auto read = checks_of('[' + all + ']', "n1");
    REQUIRE_MESSAGE(read, read.error().message);
    CHECK(read->size() == sum);
}

TEST_CASE("what may be missing is missing") {
    const auto least = only(checks_of('[' + entry("n1", "c") + ']', "n1"));
    CHECK(least.service_id == "web");
    CHECK(least.name.empty());
    CHECK(least.output.empty());
    CHECK(least.create_index == 0);
    CHECK(least.modify_index == 0);
    const auto nulls = only(checks_of(
        '[' + entry("n1", "c", R"(,"Output":null,"Name":null,"ServiceID":null,"CreateIndex":null,"ModifyIndex":null)") +
            ']',
        "n1"));
    CHECK(nulls.service_id == "web");
    CHECK(nulls.output.empty());
    CHECK(nulls.create_index == 0);
    CHECK(only(checks_of('[' + entry("n1", "c", R"(,"ServiceID":"")") + ']', "n1")).service_id == "web");
    const auto large = only(checks_of('[' + entry("n1", "c", R"(,"CreateIndex":18446744073709551615)") + ']', "n1"));
    CHECK(large.create_index == UINT64_MAX);
    // Nothing stays from the check before.
    const auto two = checks_of(
        '[' + entry("n1", "a", R"(,"Output":"x","Name":"y","ServiceID":"z","CreateIndex":1,"ModifyIndex":2)") + ',' +
            entry("n1", "b") + ']',
        "n1");
    REQUIRE(two);
    REQUIRE(two->size() == 2);
    CHECK(two->back().check_id == "b");
    CHECK(two->back().name.empty());
    CHECK(two->back().output.empty());
    CHECK(two->back().service_id == "web");
    CHECK(two->back().create_index == 0);
}

TEST_CASE("of an output the end is kept, at a character's border") {
    const auto output = [](const std::string& text) {
        return only(checks_of('[' + entry("n1", "c", ",\"Output\":\"" + text + '"') + ']', "n1")).output;
    };
    CHECK(output("a\\nb\\u0000\xEF\xBF\xBD\\\"") == "a\nb\0\xEF\xBF\xBD\""s);
    CHECK(output("\\udc00").size() == 3);  // half of a surrogate pair, as the reader gives it
    CHECK(output(std::string(4096, 'x')) == std::string(4096, 'x'));
    CHECK(output("first" + std::string(4095, 'x') + '!') == std::string(4095, 'x') + '!');
    CHECK(output("\xC3\xA9" + std::string(4095, 'x')) == std::string(4095, 'x'));
    CHECK(output("\xF0\x9F\x98\x80" + std::string(4093, 'x')) == std::string(4093, 'x'));
    CHECK(output("a\xC3\xA9" + std::string(4094, 'x')) == "\xC3\xA9" + std::string(4094, 'x'));
}

TEST_CASE("what is no input of a checks watch is refused with its place") {
    const refused_row rows[] = {
        {"empty", "", R"(empty; expected the list that a watch of type "checks" gives)"},
        {"blanks", " \n", R"(empty; expected the list that a watch of type "checks" gives)"},
        {"null", "null\n",
         R"(the list at line 1, column 1 (byte 0): expected the list that a watch of type "checks" gives, found null, which a watch of type "key" gives)"},
        {"an object", "\n {\"Key\":\"x\"}",
         R"(the list at line 2, column 2 (byte 2): expected the list that a watch of type "checks" gives, found an object)"},
        {"a text", R"("x")",
         R"(the list at line 1, column 1 (byte 0): expected the list that a watch of type "checks" gives, found a string)"},
        {"a byte order mark", "\xEF\xBB\xBF[]",
         "not valid JSON at line 1, column 1 (byte 0): a byte order mark; save the text as UTF-8 without one"},
        {"not JSON", "critical",
         "not valid JSON at line 1, column 1 (byte 0): expected a value, found \"critical\"; expected the list that a watch of type \"checks\" gives"},
        {"cut off in a list", '[' + entry("n1", "c"),
         "not valid JSON at line 1, column 69 (byte 68): the text ends too early; it was cut off"},
        {"cut off in an object", R"([{"Node":"n1",)",
         "not valid JSON at line 1, column 15 (byte 14): the text ends too early; it was cut off"},
        {"cut off in a name", R"([{"Node":"n1","Chec)",
         "not valid JSON at line 1, column 20 (byte 19): the text ends too early; it was cut off"},
        {"a second document", "[]\n[]",
         "not valid JSON at line 2, column 1 (byte 3): expected nothing behind the value, found \"[\"; expected the list that a watch of type \"checks\" gives"},
        {"bytes behind", "[] x",
         "not valid JSON at line 1, column 4 (byte 3): expected nothing behind the value, found \"x\"; expected the list that a watch of type \"checks\" gives"},
        {"NUL behind", "[]\0"s, "not valid JSON at line 1, column 3 (byte 2): a NUL byte; remove it"},
        {"NUL in a text", "[\"\0\"]"s, "not valid JSON at line 1, column 3 (byte 2): a NUL byte; remove it"},
        {"invalid UTF-8", "[{\"Node\":\"\xFF\"}]",
         "not valid JSON at line 1, column 11 (byte 10): the byte 0xFF is no UTF-8; save the text as UTF-8; expected the list that a watch of type \"checks\" gives"},
        {"a number as entry", "[1]", "a check at line 1, column 2 (byte 1): expected an object, found a number"},
        {"a list as entry", '[' + entry("n2", "c") + ", []]",
         "a check at line 1, column 71 (byte 70): expected an object, found a list"},
        {"null as entry", '[' + entry("n2", "c") + ", null]",
         "a check at line 1, column 71 (byte 70): expected an object, found null"},
        {"no node", R"([{"CheckID":"c"}])",
         R"(a check at line 1, column 2 (byte 1): has no Node; is the watch one of type "checks"?)"},
        {"a service watch", R"([{"Node":{"Node":"n1"},"Service":{},"Checks":[]}])",
         R"(a check at line 1, column 2 (byte 1): has no Node; is the watch one of type "checks"?)"},
        {"two nodes", R"([{"Node":"n2","Node":"n1"}])", "a check at line 1, column 2 (byte 1): Node comes twice"},
        {"two nodes, one empty", R"([{"Node":"","Node":"n2"}])",
         "a check at line 1, column 2 (byte 1): Node comes twice"},
        {"no id", R"([{"Node":"n1","Status":"critical","ServiceName":"web"}])",
         "a check of this node at line 1, column 2 (byte 1): CheckID is missing"},
        {"an empty id", '[' + entry("n1", "") + ']',
         "a check of this node at line 1, column 2 (byte 1): CheckID is missing"},
        {"no status", R"([{"Node":"n1","CheckID":"c","ServiceName":"web"}])",
         R"(the check "c" at line 1, column 2 (byte 1): Status is missing)"},
        {"no service name", "[\n" + entry("n2", "c") + R"(,{"Node":"n1","CheckID":"c","Status":"critical"}])",
         R"(the check "c" at line 2, column 69 (byte 70): ServiceName is missing)"},
        {"service name is null", R"([{"Node":"n1","CheckID":"c","Status":"critical","ServiceName":null}])",
         R"(the check "c" at line 1, column 2 (byte 1): ServiceName is missing)"},
        {"id is a number", R"([{"Node":"n1","CheckID":1,"Status":"critical","ServiceName":"web"}])",
         "a check of this node at line 1, column 2 (byte 1): CheckID should be a text and is a number"},
        {"the node comes last", R"([{"CheckID":"c","Status":[],"ServiceName":"web","Node":"n1"}])",
         R"(the check "c" at line 1, column 2 (byte 1): Status should be a text and is a list)"},
        {"output is an object", '[' + entry("n1", "c", R"(,"Output":{"a":1})") + ']',
         R"(the check "c" at line 1, column 2 (byte 1): Output should be a text and is an object)"},
        {"half a pair in a name", '[' + entry("n1", "c", R"(,"ServiceID":"\udc00")") + ']',
         R"(the check "c" at line 1, column 2 (byte 1): ServiceID has half of a surrogate pair)"},
        {"an index is a text", '[' + entry("n1", "c", R"(,"CreateIndex":"14")") + ']',
         R"(the check "c" at line 1, column 2 (byte 1): CreateIndex is no whole number)"},
        {"an index is a fraction", '[' + entry("n1", "c", R"(,"ModifyIndex":1.5)") + ']',
         R"(the check "c" at line 1, column 2 (byte 1): ModifyIndex is no whole number)"},
        {"an index is too large", '[' + entry("n1", "c", R"(,"ModifyIndex":18446744073709551616)") + ']',
         R"(the check "c" at line 1, column 2 (byte 1): ModifyIndex is no whole number)"},
        {"a member twice", '[' + entry("n1", "c", R"(,"Status":"critical")") + ']',
         R"(the check "c" at line 1, column 2 (byte 1): Status comes twice)"},
        {"a member twice, once null", '[' + entry("n1", "c", R"(,"Output":null,"Output":"")") + ']',
         R"(the check "c" at line 1, column 2 (byte 1): Output comes twice)"},
    };
    check_refused(rows, [](std::string_view text) { return checks_of(text, "n1"); });
}

TEST_CASE("other nodes' checks cost little, however many and deep they are") {
    std::string text = "[";
    for (int i = 0; i < 20'000; ++i) {
        text += entry("other" + std::to_string(i), "c", R"(,"Output":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")");
        text += ',';
    }
    text += R"({"Node":"deep","X":)" + std::string(200'000, '[') + std::string(200'000, ']') + "},";
    text += entry("long", "c", ",\"Output\":\"" + std::string(4'000'000, 'x') + '"') + ',';
    text += entry("n1", "mine") + ']';
    CHECK(only(checks_of(text, "n1")).check_id == "mine");
    CHECK(only(checks_of(text, "long")).output.size() == longest_check_output);
    text.pop_back();
    CHECK_FALSE(checks_of(text, "n1"));
}

TEST_CASE("every text that is cut off somewhere is refused") {
    const std::string whole = '[' + entry("n2", "a", R"(,"Output":"\u00e9\n","X":[1,true,{}])") + ", " +
                              entry("n1", "b", R"(,"CreateIndex":12)") + ']';
    REQUIRE(checks_of(whole, "n1"));
    for (std::size_t length = 0; length < whole.size(); ++length) {
        CAPTURE(length);
        CHECK_FALSE(checks_of(std::string_view{whole}.substr(0, length), "n1"));
    }
}

TEST_CASE("gone through quickly or parsed as a whole, a text gives the same") {
    // One byte is another one, so that it is skimmed, parsed, or refused; the whole parse is the measure.
    const std::string text = '[' + entry("n2", "a", ",\"Output\":\"\xC3\xA9\\n\\u003c\",\"X\":[1,{}]") + ",\n" +
                             entry("n1", "b", R"(,"CreateIndex":12)") + ',' + entry("n1", "c") + ',' +
                             entry("n2", "d") + ',' + entry("n1", "e") + "]\n";
    const auto ids = [](const result<std::vector<snapshot_check>>& read) {
        if (!read) return read.error().message;
        std::string all;
        for (const auto& each : *read) {
            all += each.node + ' ' + each.check_id + ' ' + each.name + ' ' + each.status + ' ' + each.output + ' ' +
                   each.service_id + ' ' + each.service_name + ' ' + std::to_string(each.create_index) + ' ' +
                   std::to_string(each.modify_index) + ';';
        }
        return all;
    };
    const auto whole = [](std::string_view of, std::string_view node) {
        return json::detail::read_checks(of, json::detail::check_layout::list, own_checks{std::string{node}, {}, {}});
    };
    REQUIRE(checks_of(text, "n1")->size() == 3);
    REQUIRE(checks_of(text, "n2")->size() == 2);
    for (std::size_t at = 0; at < text.size(); ++at) {
        for (const char byte : "\"\\,:[]{}0.e n\x1F\xC3") {  // and NUL
            std::string changed = text;
            changed[at] = byte;
            for (const std::string_view node : {"n1", "n2"}) {
                const auto quick = ids(checks_of(changed, node));
                const auto slow = ids(whole(changed, node));
                if (quick == slow) continue;
                CAPTURE(changed);
                CHECK(quick == slow);
            }
        }
    }
}

TEST_CASE("a snapshot is read once for several nodes, however they are mixed") {
    std::string text = "[";
    for (int i = 0; i < 40'000; ++i) text += entry("n" + std::to_string(i % 7), "c" + std::to_string(i)) + ",\n";
    text += entry("last", "c") + ']';
    const auto read = json::snapshot::read(text);
    REQUIRE(read);
    for (int node = 0; node < 7; ++node) {
        CAPTURE(node);
        const auto checks = read->checks_of({"n" + std::to_string(node), {}, {}});
        REQUIRE(checks);
        CHECK(checks->size() == (node < 2 ? 5715U : 5714U));
        CHECK(checks->front().check_id == "c" + std::to_string(node));
        bool ordered = true;
        for (std::size_t i = 0; i < checks->size(); ++i) {
            ordered = ordered && (*checks)[i].check_id == "c" + std::to_string(7 * i + static_cast<std::size_t>(node));
        }
        CHECK(ordered);
    }
    CHECK(only(read->checks_of({"last", {}, {}})).check_id == "c");
    CHECK(read->checks_of({"none", {}, {}})->empty());
    CHECK(read->checks_of({"", {}, {}})->empty());

    // What is wrong in one node's entry is that node's affair.
    const std::string wrong = '[' + entry("n1", "a") + R"(,{"Node":"n2","CheckID":"b","ServiceName":"web"}])";
    const auto sound = json::snapshot::read(wrong);
    REQUIRE(sound);
    CHECK(only(sound->checks_of({"n1", {}, {}})).check_id == "a");
    const auto refused = sound->checks_of({"n2", {}, {}});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message == R"(the check "b" at line 1, column 70 (byte 69): Status is missing)");
}

TEST_CASE("one check is read, and needs but its service's name") {
    const auto least = json::decode_check(R"( {"ServiceName": "web"} )");
    REQUIRE_MESSAGE(least, least.error().message);
    CHECK(least->service_name == "web");
    CHECK(least->service_id == "web");
    CHECK(least->node.empty());
    CHECK(least->check_id.empty());
    CHECK(least->status.empty());
    const auto whole = json::decode_check(from_consul.substr(1, from_consul.size() - 3));
    REQUIRE_MESSAGE(whole, whole.error().message);
    CHECK(whole->node == "n1");
    CHECK(whole->check_id == "web-chk");
    CHECK(whole->modify_index == 15);
    const refused_row rows[] = {
        {"empty", "", "empty; expected a JSON object"},
        {"a list", std::string{from_consul},
         "the check at line 1, column 1 (byte 0): expected an object, found a list"},
        {"null", "null", "the check at line 1, column 1 (byte 0): expected an object, found null"},
        {"a name alone", "web", "not valid JSON at line 1, column 1 (byte 0): expected a value, found \"web\""},
        {"no service", "{}", "the check at line 1, column 1 (byte 0): ServiceName is missing"},
        {"an empty service", R"({"ServiceName": ""})",
         "the check at line 1, column 1 (byte 0): ServiceName is missing"},
        {"a deeper one", R"({"Definition": {"ServiceName": "web"}})",
         "the check at line 1, column 1 (byte 0): ServiceName is missing"},
        {"twice", R"({"ServiceName": "a", "ServiceName": "b"})",
         "the check at line 1, column 1 (byte 0): ServiceName comes twice"},
        {"a number", R"({"ServiceName": 5})",
         "the check at line 1, column 1 (byte 0): ServiceName should be a text and is a number"},
        {"two documents", R"({"ServiceName": "a"} {})",
         "not valid JSON at line 1, column 22 (byte 21): expected nothing behind the value, found \"{\""},
    };
    check_refused(rows, [](std::string_view text) { return json::decode_check(text); });
}

TEST_CASE("the local agent's checks are read, its node's too") {
    const auto read = json::decode_agent_checks(
        R"({"serfHealth":{"Node":"n1","CheckID":"serfHealth","Status":"passing","ServiceID":"","ServiceName":""},)"
        R"("web":{"CheckID":"web","Name":"w","Status":"critical","Output":"down\n","ServiceID":"w1","ServiceName":"web",)"
        R"("Definition":{},"CreateIndex":0,"ModifyIndex":0},"bare":{"Status":"warning"},)"
        R"("_node_maintenance":{"CheckID":"_node_maintenance","Status":"critical","Notes":"why"}})");
    REQUIRE_MESSAGE(read, read.error().message);
    REQUIRE(read->size() == 4);
    CHECK((*read)[0].node == "n1");
    CHECK((*read)[0].check_id == "serfHealth");
    CHECK((*read)[0].service_id.empty());
    CHECK((*read)[1].node.empty());
    CHECK((*read)[1].service_id == "w1");
    CHECK((*read)[1].service_name == "web");
    CHECK((*read)[1].output == "down\n");
    CHECK((*read)[2].check_id == "bare");
    CHECK((*read)[2].status == "warning");
    CHECK((*read)[2].service_name.empty());
    CHECK((*read)[3].check_id == "_node_maintenance");
    CHECK(json::decode_agent_checks("{}")->empty());
    const refused_row rows[] = {
        {"empty", "", "empty; expected a JSON object"},
        {"a list", "[]", "the list at line 1, column 1 (byte 0): expected an object by check id, found a list"},
        {"null", "null", "the list at line 1, column 1 (byte 0): expected an object by check id, found null"},
        {"an error's text", "rpc error",
         "not valid JSON at line 1, column 1 (byte 0): expected a value, found \"rpc\""},
        {"a check is a text", R"({"a": "b"})",
         "a check at line 1, column 7 (byte 6): expected an object, found a string"},
        {"a check is null", R"({"a": {"Status":"passing"}, "b" : null})",
         "a check at line 1, column 35 (byte 34): expected an object, found null"},
        {"no status", R"({"a": {}})", R"(the check "a" at line 1, column 7 (byte 6): Status is missing)"},
        {"a status is a number", R"({"a": {"CheckID": "b", "Status": 1}})",
         R"(the check "b" at line 1, column 7 (byte 6): Status should be a text and is a number)"},
    };
    check_refused(rows, [](std::string_view text) { return json::decode_agent_checks(text); });
}

TEST_CASE("a name is one node's within a partition, and among those of no peer") {
    // api/health.go of 1.13 and later, HealthCheck: these members are left out where they are empty.
    struct row {
        std::string_view members;
        own_checks own;
        bool is_own;
    };
    const own_checks plain{"n1", {}, {}};
    const own_checks east{"n1", "east", "team"};
    const row rows[] = {
        {"", plain, true},
        {R"(,"PeerName":"","Partition":"","Namespace":"")", plain, true},
        {R"(,"PeerName":null,"Partition":null,"Namespace":null)", plain, true},
        {R"(,"Partition":"default","Namespace":"default")", plain, true},
        {R"(,"PeerName":"far")", plain, false},
        {R"(,"PeerName":"far","Partition":"east","Namespace":"team")", east, false},
        {R"(,"Partition":"east")", plain, false},
        {R"(,"Namespace":"team")", plain, false},
        {R"(,"Partition":"east","Namespace":"team")", east, true},
        {R"(,"Partition":"west","Namespace":"team")", east, false},
        {R"(,"Partition":"east","Namespace":"other")", east, false},
        {R"(,"Partition":"east")", east, false},
        {"", east, false},
        {"", {"n1", "default", "default"}, true},
        {R"(,"Partition":"east","Status":7)", plain, false},  // what is wrong with another node's check is no matter
    };
    for (const auto& each : rows) {
        CAPTURE(each.members);
        const std::string text = '[' + entry("n1", "c", each.members) + ',' + entry("n0", "d") + ']';
        const auto found = json::snapshot{text}.checks_of(each.own);
        REQUIRE_MESSAGE(found, found.error().message);
        CHECK(found->size() == (each.is_own ? 1 : 0));
    }
    CHECK_FALSE(checks_of('[' + entry("n1", "c", R"(,"PeerName":7)") + ']', "n1"));
}
