#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/core/algo.hpp>

using namespace powerconsul;

namespace {

struct row {
    std::string name{};
    int number{};
    [[nodiscard]] auto is_odd() const -> bool { return number % 2 == 1; }
};

const std::vector<row> rows{{"b", 2}, {"a", 1}, {"c", 3}};
constexpr std::array digits{1, 2, 4};

static_assert(algo::any_of(digits, [](int each) { return each == 4; }));
static_assert(algo::all_of(digits, [](int each) { return each < 5; }));
static_assert(algo::none_of(digits, [](int each) { return each == 3; }));
static_assert(algo::find(digits, 2) == digits.begin() + 1);
static_assert(algo::binary_search(digits, 4) && !algo::binary_search(digits, 3));

}  // namespace

TEST_CASE("Functions, members and member functions are taken where something is asked of each") {
    CHECK(algo::any_of(rows, &row::is_odd));
    CHECK_FALSE(algo::all_of(rows, &row::is_odd));
    CHECK(algo::find(rows, "c", &row::name)->number == 3);
    CHECK(algo::find(rows, "d", &row::name) == rows.end());
    CHECK(algo::find_if(rows, [](const row& each) { return each.number > 2; })->name == "c");
    CHECK(algo::find_if_not(rows, [](const row& each) { return each.number == 2; })->name == "a");
    CHECK(algo::count(rows, true, &row::is_odd) == 2);
    CHECK(algo::count_if(rows, &row::is_odd) == 2);
}

TEST_CASE("An empty list has all of what is asked and none of it") {
    const std::vector<row> none;
    CHECK(algo::all_of(none, &row::is_odd));
    CHECK(algo::none_of(none, &row::is_odd));
    CHECK_FALSE(algo::any_of(none, &row::is_odd));
    CHECK(algo::find(none, "a", &row::name) == none.end());
}

TEST_CASE("What is found can be changed") {
    auto mine = rows;
    algo::find(mine, "a", &row::name)->number = 7;
    CHECK(mine[1].number == 7);
}

TEST_CASE("Sorting is by the values, by a member or by a rule") {
    std::vector<std::string> names{"b", "c", "a"};
    algo::sort(names);
    CHECK(names == std::vector<std::string>{"a", "b", "c"});
    CHECK(algo::binary_search(names, std::string_view{"b"}));
    CHECK(algo::lower_bound(names, std::string_view{"bb"}) == names.begin() + 2);

    auto mine = rows;
    algo::sort(mine, {}, &row::number);
    CHECK(mine.front().name == "a");
    CHECK(algo::lower_bound(mine, 3, &row::number)->name == "c");
    algo::stable_sort(mine, [](const row& one, const row& other) { return one.is_odd() > other.is_odd(); });
    CHECK((mine[0].name == "a" && mine[1].name == "c" && mine[2].name == "b"));
}
