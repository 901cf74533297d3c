#include <powerconsul/consul/refusal.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace powerconsul;

TEST_CASE("a refusal is never an absence, and its text stays the same as long as it does") {
    struct case_row {
        int status;
        const char* body;
        errc code;
        std::string_view text;
    };
    constexpr case_row rows[] = {
        {403, "Permission denied: token with AccessorID 'a1' lacks permission 'key:read' on \"x\"", errc::denied,
         "Permission denied: the token lacks permission 'key:read'"},
        {403, "Endpoint is blocked by agent configuration", errc::unsupported, "Endpoint is blocked"},
        {404, "", errc::bad_data, "is the address that of a Consul agent?"},
        {429, "", errc::unavailable, "too many requests; see its limits"},
        {500, "rate limit exceeded", errc::unavailable, "rate limit exceeded; see its limits"},
        {500, "invalid key name", errc::bad_data, "it does not take this key"},
        {500, "No cluster leader", errc::unavailable, "No cluster leader"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.body);
        http_response answer;
        answer.status = row.status;
        answer.body = row.body;
        const result<void> seen = detail::refused(answer, "/v1/kv/x", "key:read on x");
        REQUIRE_FALSE(seen.has_value());
        CHECK(seen.error().code == row.code);
        CAPTURE(seen.error().message);
        CHECK(seen.error().message.find(row.text) != std::string::npos);
        CHECK(seen.error().message.find("a1") == std::string::npos);
    }
}
