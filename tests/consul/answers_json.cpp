#include <powerconsul/consul/answers_json.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace powerconsul;

namespace {

constexpr std::string_view shape = "Consul's answer is not of the documented shape: ";

/// Every text must be refused as errc::bad_data; what is not JSON in the reader's words, else by shape and `message`.
struct refused_row {
    std::string_view name;
    std::string_view body;
    std::string_view message;
};

void check_refused(const auto& rows, auto decode) {
    for (const refused_row& each : rows) {
        CAPTURE(each.name);
        const auto decoded = decode(each.body);
        REQUIRE_FALSE(decoded);
        CHECK(decoded.error().code == errc::bad_data);
        CHECK(decoded.error().message == std::string{shape} + std::string{each.message});
    }
    for (const std::string_view body :
         {"", "<html><body>502 Bad Gateway</body></html>", R"([{"Key":"a/b","Val)", "No cluster leader"}) {
        CAPTURE(body);
        const auto decoded = decode(body);
        REQUIRE_FALSE(decoded);
        CHECK(decoded.error().code == errc::bad_data);
        CHECK(decoded.error().message.starts_with("not valid JSON at line 1"));
    }
}

}  // namespace

TEST_CASE("a key's entry is read") {
    const auto entry = json::decode_kv_entry(
        R"([{"LockIndex":0,"Key":"a/b","Flags":18446744073709551615,"Value":"aGVsbG8=","CreateIndex":13,"ModifyIndex":18446744073709551615}])",
        "a/b");
    REQUIRE_MESSAGE(entry, entry.error().message);
    CHECK(entry->value == "hello");
    CHECK(entry->modify_index == UINT64_MAX);
    const auto pretty =
        json::decode_kv_entry("[\n  {\n \"ModifyIndex\": 1,\n \"Value\": null,\n \"Key\": \"k\"\n }\n]\n", "k");
    REQUIRE_MESSAGE(pretty, pretty.error().message);
    CHECK(pretty->value.empty());
}

TEST_CASE("an entry of another shape is refused") {
    const refused_row rows[] = {
        {"null", "null", "expected a list of one key"},
        {"an object", R"({"Key":"a/b","Value":null,"ModifyIndex":1})", "expected a list of one key"},
        {"nothing", "[]", "expected a list of one key"},
        {"two entries", R"([{"Key":"a/b","Value":null,"ModifyIndex":1},{"Key":"a/c","Value":null,"ModifyIndex":1}])",
         "expected a list of one key"},
        {"keys only", R"(["a/b"])", "expected Key, Value and ModifyIndex, a whole number above 0, in the entry"},
        {"no key", R"([{"Value":null,"ModifyIndex":1}])",
         "expected Key, Value and ModifyIndex, a whole number above 0, in the entry"},
        {"no value", R"([{"Key":"a/b","ModifyIndex":1}])",
         "expected Key, Value and ModifyIndex, a whole number above 0, in the entry"},
        {"no index", R"([{"Key":"a/b","Value":null}])",
         "expected Key, Value and ModifyIndex, a whole number above 0, in the entry"},
        {"index is a text", R"([{"Key":"a/b","Value":null,"ModifyIndex":"1"}])",
         "expected Key, Value and ModifyIndex, a whole number above 0, in the entry"},
        {"index is negative", R"([{"Key":"a/b","Value":null,"ModifyIndex":-1}])",
         "expected Key, Value and ModifyIndex, a whole number above 0, in the entry"},
        {"index is 0", R"([{"Key":"a/b","Value":null,"ModifyIndex":0}])",
         "expected Key, Value and ModifyIndex, a whole number above 0, in the entry"},
        {"index is 0, value is not null", R"([{"Key":"a/b","Value":"e30=","ModifyIndex":0}])",
         "expected Key, Value and ModifyIndex, a whole number above 0, in the entry"},
        {"value is no base64", R"([{"Key":"a/b","Value":"{}","ModifyIndex":1}])",
         "Value is no base64: the length is not a multiple of four at byte 2"},
        {"another key", R"([{"Key":"a/secret","Value":null,"ModifyIndex":1}])",
         R"(asked for key "a/b", got "a/secret")"},
        {"the key in capitals", R"([{"Key":"A/b","Value":null,"ModifyIndex":1}])", R"(asked for key "a/b", got "A/b")"},
        {"value is an object", R"([{"Key":"a/b","Value":{},"ModifyIndex":1}])", "expected Value to be base64 or null"},
    };
    check_refused(rows, [](std::string_view body) { return json::decode_kv_entry(body, "a/b"); });
}

TEST_CASE("instances are read with all of their checks") {
    const auto read = json::decode_instances(R"([
      {"Node":{"Node":"web1","Datacenter":"hq","Meta":null},"Service":{"ID":"w"},"Checks":[
        {"CheckID":"serfHealth","Status":"critical"},{"CheckID":"service:w","Status":"passing","Output":"x"}]},
      {"Node":{"Node":"web2"},"Checks":[{"CheckID":"_node_maintenance","Status":"critical"},{"CheckID":"new","Status":"odd"}]},
      {"Node":{"Node":"web3"},"Checks":[]}])",
                                             "hq");
    REQUIRE_MESSAGE(read, read.error().message);
    REQUIRE(read->size() == 3);
    CHECK((*read)[0].node == "web1");
    CHECK((*read)[0].datacenter == "hq");
    CHECK(
        json::decode_instances(R"([{"Node":{"Node":"web1","Datacenter":"dr"},"Checks":[]}])", "")->front().datacenter ==
        "dr");
    REQUIRE((*read)[0].checks.size() == 2);
    CHECK((*read)[0].checks[0].id == "serfHealth");
    CHECK((*read)[0].checks[0].state == health::critical);
    CHECK((*read)[0].checks[1].state == health::passing);
    CHECK((*read)[1].datacenter == "hq");
    CHECK((*read)[1].checks[0].state == health::maintenance);
    CHECK((*read)[1].checks[1].state == health::unknown);
    CHECK((*read)[2].checks.empty());
    CHECK(json::decode_instances("[]", "hq")->empty());
}

TEST_CASE("half an answer about instances is no answer") {
    const std::vector<std::string_view> bodies{
        "null",
        "{}",
        "[1]",
        "[null]",
        R"([{"Checks":[]}])",
        R"([{"Node":"web1","Checks":[]}])",
        R"([{"Node":{},"Checks":[]}])",
        R"([{"Node":{},"Node":{"Node":"web1"},"Checks":[]}])",
        R"([{"Node":{"Node":""},"Checks":[]}])",
        R"([{"Node":{"Node":7},"Checks":[]}])",
        R"([{"Node":{"Node":"web1"}}])",
        R"([{"Node":{"Node":"web1","Datacenter":"dr"},"Checks":[]}])",
        R"([{"Node":{"Node":"web1"},"Checks":{}}])",
        R"([{"Node":{"Node":"web1"},"Checks":[{"CheckID":"a"}]}])",
        R"([{"Node":{"Node":"web1"},"Checks":[{"Status":"passing"}]}])",
        R"([{"Node":{"Node":"web1"},"Checks":["passing"]}])",
        R"([{"Node":{"Node":"web1"},"Checks":[]},{"Node":{"Node":"web2"},"Checks":[{"CheckID":"a","Status":null}]}])",
    };
    for (const auto body : bodies) {
        CAPTURE(body);
        const auto read = json::decode_instances(body, "hq");
        REQUIRE_FALSE(read);
        CHECK(read.error().code == errc::bad_data);
        CHECK(read.error().message.starts_with(shape));
    }
}

TEST_CASE("the checks of a node are put together to the instances of a service") {
    constexpr std::string_view serf =
        R"({"Node":"web1","CheckID":"serfHealth","Status":"passing","ServiceID":"","ServiceName":""})";
    const auto check = [](std::string_view service, std::string_view instance, std::string_view status) {
        return R"(,{"Node":"web1","CheckID":"service:)" + std::string{instance} + R"(","Status":")" +
               std::string{status} + R"(","ServiceID":")" + std::string{instance} + R"(","ServiceName":")" +
               std::string{service} + R"("})";
    };
    const auto read = [&](const std::string& more, std::string_view service = "web") {
        return json::decode_node_health('[' + std::string{serf} + more + ']', service, "WEB1", "hq");
    };
    const auto one = read(check("web", "web", "critical") + check("db", "db", "passing"));
    REQUIRE(one);
    CHECK(one->is_registered);
    REQUIRE(one->instances.size() == 1);
    CHECK(one->instances[0].node == "web1");
    CHECK(one->instances[0].datacenter == "hq");
    REQUIRE(one->instances[0].checks.size() == 2);
    CHECK(one->instances[0].checks[0].id == "serfHealth");
    CHECK_FALSE(one->instances[0].checks[0].of_service);
    CHECK(one->instances[0].checks[1].state == health::critical);
    CHECK(one->instances[0].checks[1].of_service);

    const auto two = read(check("web", "a", "critical") + check("Web", "b", "passing") + check("web", "a", "passing"));
    REQUIRE(two);
    REQUIRE(two->instances.size() == 2);
    CHECK(two->instances[0].checks.size() == 3);
    CHECK(worst(two->instances[0].checks) == health::critical);
    CHECK(worst(two->instances[1].checks) == health::passing);

    const auto other = read(check("db", "db", "passing"));
    REQUIRE(other);
    CHECK_FALSE(other->is_registered);
    REQUIRE(other->instances.size() == 1);
    CHECK(other->instances[0].checks.size() == 1);

    const auto none = json::decode_node_health("[]", "web", "web1", "hq");
    REQUIRE(none);
    CHECK_FALSE(none->is_registered);
    CHECK(none->instances[0].checks.empty());
}

TEST_CASE("half an answer about a node is no answer") {
    for (const std::string_view body : {
             "null",
             "{}",
             "[1]",
             R"([{"CheckID":"a","Status":"passing","ServiceID":"","ServiceName":""}])",
             R"([{"Node":"web2","CheckID":"a","Status":"passing","ServiceID":"","ServiceName":""}])",
             R"([{"Node":"web1","CheckID":"a","Status":"passing","ServiceName":""}])",
             R"([{"Node":"web1","CheckID":"a","Status":"passing","ServiceID":"web"}])",
             R"([{"Node":"web1","Status":"passing","ServiceID":"","ServiceName":""}])",
             R"([{"Node":"web1","CheckID":"a","ServiceID":"web","ServiceName":"web"}])",
         }) {
        CAPTURE(body);
        const auto read = json::decode_node_health(body, "web", "web1", "hq");
        REQUIRE_FALSE(read);
        CHECK(read.error().code == errc::bad_data);
        CHECK(read.error().message.starts_with(shape));
    }
}

TEST_CASE("whether a node has a service is read or refused") {
    const auto read = [](std::string_view body) { return json::decode_is_registered(body, "web", "hq"); };
    CHECK(*read("null") == false);
    CHECK(*read(R"({"Node":{"Node":"web1","Datacenter":"hq"},"Services":{"a":{"Service":"WEB"}}})") == true);
    CHECK(*read(R"({"Node":{"Node":"web1"},"Services":{"web":{"Service":"db"}}})") == false);
    CHECK(*read(R"({"Node":{"Node":"web1"},"Services":null})") == false);
    for (const std::string_view body :
         {"[]", "{}", R"({"Node":{}})", R"({"Services":{}})", R"({"Node":{},"Services":[]})",
          R"({"Node":{"Datacenter":"dr"},"Services":{}})"}) {
        CAPTURE(body);
        CHECK_FALSE(read(body));
    }
}

TEST_CASE("the agent's own facts are read or refused") {
    const auto read =
        json::decode_agent(R"({"Config":{"Datacenter":"hq","NodeName":"web1","Server":false},"Stats":{}})");
    REQUIRE(read);
    CHECK(read->node == "web1");
    CHECK(read->datacenter == "hq");
    constexpr std::string_view message = "expected Config.NodeName and Config.Datacenter";
    const refused_row rows[] = {
        {"nothing", "{}", message},
        {"a list", "[]", message},
        {"config is null", R"({"Config":null})", message},
        {"no node", R"({"Config":{"Datacenter":"hq"}})", message},
        {"no datacenter", R"({"Config":{"NodeName":"web1"}})", message},
        {"empty node", R"({"Config":{"NodeName":"","Datacenter":"hq"}})", message},
        {"node is a number", R"({"Config":{"NodeName":1,"Datacenter":"hq"}})", message},
    };
    check_refused(rows, json::decode_agent);
}

TEST_CASE("the datacenters are read or refused") {
    CHECK(*json::decode_datacenters(R"(["hq","dr"])") == std::vector<std::string>{"hq", "dr"});
    const refused_row rows[] = {
        {"none", "[]", "expected a list of datacenters"},
        {"an object", R"({"hq":1})", "expected a list of datacenters"},
        {"null", "null", "expected a list of datacenters"},
        {"without a name", R"(["hq",""])", "a datacenter without a name"},
        {"a number", "[1]", "a datacenter without a name"},
    };
    check_refused(rows, json::decode_datacenters);
}

TEST_CASE("a list of keys is read whole or not at all") {
    const auto keys = json::decode_kv_list(
        R"([{"Key":"a/b","Value":"aGVsbG8=","Flags":0,"ModifyIndex":3},{"Key":"a/","Value":null}])", "a/");
    REQUIRE_MESSAGE(keys, keys.error().message);
    REQUIRE(keys->size() == 2);
    CHECK(keys->front().key == "a/b");
    CHECK(keys->front().value == "hello");
    CHECK(keys->back().value.empty());
    CHECK(json::decode_kv_list("[]", "a")->empty());

    struct row {
        std::string_view body;
        std::string_view message;
    };
    const row rows[] = {
        {"{}", "expected a list of keys"},
        {R"([{"Key":"a","Value":1}])", "expected Key and Value in each entry"},
        {R"([{"Key":"a"}])", "expected Key and Value in each entry"},
        {R"(["a"])", "expected Key and Value in each entry"},
        {R"([{"Key":"b/c","Value":null}])", R"(asked for keys below "a", got "b/c")"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.body);
        const auto refused = json::decode_kv_list(each.body, "a");
        REQUIRE(!refused);
        CHECK(refused.error().code == errc::bad_data);
        CHECK(refused.error().message == std::string{shape} + std::string{each.message});
    }
    CHECK(!json::decode_kv_list("[", "a"));
    CHECK(!json::decode_kv_list(R"([{"Key":"a","Value":"?"}])", "a"));
}

TEST_CASE("an export of Consul's own program is known by its shape") {
    for (const std::string_view text :
         {"[]", R"([{"key":"a","flags":0,"value":"eA=="}])", R"([{"key":1,"value":2}])"}) {
        CAPTURE(text);
        CHECK(json::is_kv_export(*json::parse(text)));
    }
    for (const std::string_view text :
         {"{}", "[1]", R"(["key"])", R"([{"key":"a"}])", R"([{"key":"a","value":""},{}])"}) {
        CAPTURE(text);
        CHECK(!json::is_kv_export(*json::parse(text)));
    }
}

TEST_CASE("an export's entries are read one by one") {
    const std::string_view text = R"([{"key":"a","flags":0,"value":"eA=="},
 {"key":1,"value":""},
 {"key":"b","value":3},
 {"key":"c","value":"*"},
 {"key":"d","flags":0,"value":""}])";
    std::vector<json::problem> problems;
    const auto keys = json::decode_kv_export(*json::parse(text), problems);
    REQUIRE(keys.size() == 2);
    CHECK(keys[0].key == "a");
    CHECK(keys[0].value == "x");
    CHECK(keys[0].offset == 1);
    CHECK(keys[1].key == "d");
    CHECK(keys[1].value.empty());
    REQUIRE(problems.size() == 3);
    CHECK(json::sentence(problems[0], text) == "key at line 2, column 9 (byte 47): expected the name of a key");
    CHECK(json::sentence(problems[1], text) == "value at line 3, column 21 (byte 82): expected base64, found a number");
    CHECK(json::sentence(problems[2], text).starts_with("the value of \"c\" at line 4, column 21"));
}
