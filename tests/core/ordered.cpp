#include <powerconsul/core/ordered.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

using namespace powerconsul;

namespace {

auto placed(const std::vector<std::string_view>& texts) -> std::vector<placed_text> {
    std::vector<placed_text> all;
    for (std::size_t i = 0; i < texts.size(); ++i) all.push_back({texts[i], i});
    return all;
}

}  // namespace

TEST_CASE("texts are ordered by their bytes, and equal ones by their places") {
    using namespace std::string_view_literals;
    CHECK(ordered({}).empty());
    CHECK(ordered(placed({"b", "", "a", "b", "ab", "B", "\xFF", "a\0"sv, "b"})) ==
          std::vector<placed_text>{
              {"", 1}, {"B", 5}, {"a", 2}, {"a\0"sv, 7}, {"ab", 4}, {"b", 0}, {"b", 3}, {"b", 8}, {"\xFF", 6}});
}

TEST_CASE("the first that does not come before a text is found") {
    const auto all = ordered(placed({"c", "a", "c", "e"}));
    struct row {
        std::string_view wanted;
        std::size_t index;
    };
    for (const row& each : {row{"", 0}, {"a", 0}, {"b", 1}, {"c", 1}, {"c ", 3}, {"d", 3}, {"e", 3}, {"f", 4}}) {
        CAPTURE(each.wanted);
        CHECK(first_not_before(all, each.wanted) == each.index);
    }
    CHECK(first_not_before({}, "a") == 0);
}

TEST_CASE("twenty thousand are put in order, whatever order they came in") {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < 20000; ++i) names.push_back(std::to_string(i * 7919 % 20000));
    std::vector<placed_text> all;
    for (const auto& each : names) all.push_back({each, all.size()});
    all = ordered(std::move(all));
    for (std::size_t i = 1; i < all.size(); ++i) REQUIRE(all[i - 1].text < all[i].text);
}
