#include <powerconsul/cluster/last_known.hpp>

#include <powerconsul/decision/rules.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace powerconsul;

namespace {

constexpr std::string_view line =
    R"({"key":"cluster/production/web","node":"production-web1","role":"secondary","expects":"stopped","document":18446744073709551615,"at":1704067200123})"
    "\n";

auto replaced(std::string_view from, std::string_view to) -> std::string {
    std::string text{line};
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a record is written and read back, whatever it says") {
    const last_known known{"cluster/production/web", "production-web1", role::secondary,
                           expectation::stopped,     UINT64_MAX,        {1704067200123}};
    CHECK(json::encode_last_known(known) == line);
    for (const role own : {role::unknown, role::standalone, role::primary, role::secondary}) {
        for (const expectation expects : {expectation::unknown, expectation::stopped, expectation::running}) {
            last_known each = known;
            each.own = own;
            each.expects = expects;
            each.document = own == role::standalone ? 0 : 7;
            each.node = "a \"b\" \xC3\xA9";
            const auto back = json::decode_last_known(json::encode_last_known(each));
            const bool possible =
                expects == expect(own, actives::serving) || expects == expect(own, actives::none_serving);
            REQUIRE(back.has_value() == possible);
            if (!possible) continue;
            CHECK(back->says_the_same_as(each));
            CHECK(back->at == each.at);
        }
    }
}

TEST_CASE("a damaged record is refused, never half read") {
    struct row {
        std::string_view name;
        std::string text;
    };
    const row rows[] = {
        {"empty", ""},
        {"cut off", std::string{line.substr(0, line.size() / 2)}},
        {"without its line end", std::string{line.substr(0, line.size() - 1)}},
        {"no object", "[]\n"},
        {"no role", replaced(R"("role":"secondary",)", "")},
        {"a role that there is not", replaced("secondary", "tertiary")},
        {"an expectation that there is not", replaced("stopped", "stop")},
        {"role is no text", replaced(R"("secondary")", "2")},
        {"document is no number", replaced("18446744073709551615", "\"1\"")},
        {"document is negative", replaced("18446744073709551615", "-1")},
        {"document is too large", replaced("18446744073709551615", "18446744073709551616")},
        {"time is no whole number", replaced("1704067200123", "1.5")},
        {"time is too large", replaced("1704067200123", "9223372036854775808")},
        {"time is negative", replaced("1704067200123", "-1")},
        {"a standalone with a document",
         replaced(R"("secondary","expects":"stopped")", R"("standalone","expects":"running")")},
        {"two roles", replaced(R"("role":)", R"("role":"primary","role":)")},
        {"something else beside", replaced(R"("role":)", R"("x":1,"role":)")},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto read = json::decode_last_known(each.text);
        REQUIRE_FALSE(read);
        CHECK(read.error().code == errc::bad_data);
    }
}

TEST_CASE("two records say the same if they differ in nothing but the time") {
    const last_known known{"k", "n", role::primary, expectation::running, 7, {1}};
    const auto differs = [&](auto change) {
        last_known other = known;
        change(other);
        return !known.says_the_same_as(other);
    };
    CHECK_FALSE(differs([](last_known& other) { other.at = {2}; }));
    CHECK(differs([](last_known& other) { other.key = "x"; }));
    CHECK(differs([](last_known& other) { other.node = "x"; }));
    CHECK(differs([](last_known& other) { other.own = role::secondary; }));
    CHECK(differs([](last_known& other) { other.expects = expectation::stopped; }));
    CHECK(differs([](last_known& other) { other.document = 8; }));
}
