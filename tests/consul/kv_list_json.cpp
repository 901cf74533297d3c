#include <powerconsul/consul/kv_list_json.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace powerconsul;

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
    const std::string_view shape = "Consul's answer is not of the documented shape: ";
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
