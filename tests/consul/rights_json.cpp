#include <powerconsul/consul/rights_json.hpp>

#include <doctest/doctest.h>

#include <string_view>
#include <vector>

using namespace powerconsul;

namespace {

const std::vector<acl_right> asked{
    {acl_resource::node, "a\"b"}, {acl_resource::service, "web"}, {acl_resource::node, "", true}};

}  // namespace

TEST_CASE("the question has one object for each right") {
    CHECK(
        json::encode_rights(asked) ==
        R"([{"Resource":"node","Access":"read","Segment":"a\"b"},{"Resource":"service","Access":"read","Segment":"web"},)"
        R"({"Resource":"node","Access":"read","Segment":""}])");
}

TEST_CASE("the answer tells which are missing, or nothing at all") {
    // As Consul 1.8.7 answers: an empty segment is left out.
    const auto some = json::decode_missing_rights(
        R"([{"Resource":"node","Segment":"a\"b","Access":"read","Allow":false},
            {"Resource":"service","Segment":"web","Access":"read","Allow":true},
            {"Resource":"node","Access":"read","Allow":false}])",
        asked);
    REQUIRE(some);
    CHECK(*some == std::vector<acl_right>{asked[0], asked[2]});

    const std::vector<acl_right> one{{acl_resource::service, "web"}};
    const auto none =
        json::decode_missing_rights(R"([{"Resource":"service","Segment":"web","Access":"read","Allow":true}])", one);
    REQUIRE(none);
    CHECK(none->empty());
    for (const std::string_view body :
         {"", "[]", "null", "{}", "[null]", R"([{"Resource":"service","Segment":"web","Access":"read"}])",
          R"([{"Resource":"service","Segment":"web","Access":"read","Allow":"true"}])",
          R"([{"Resource":"service","Segment":"web","Access":"write","Allow":true}])",
          R"([{"Resource":"service","Segment":"other","Access":"read","Allow":true}])",
          R"([{"Resource":"service","Access":"read","Allow":true}])",
          R"([{"Resource":"node","Segment":"web","Access":"read","Allow":true}])",
          R"([{"Resource":"service","Segment":"web","Access":"read","Allow":true},{}])"}) {
        CAPTURE(body);
        const auto wrong = json::decode_missing_rights(body, one);
        REQUIRE_FALSE(wrong);
        CHECK(wrong.error().code == errc::bad_data);
    }
}
