#include <powerconsul/core/result.hpp>

#include <doctest/doctest.h>

#include <string>
#include <type_traits>
#include <utility>

using namespace powerconsul;

static_assert(!std::is_convertible_v<result<int>, bool>, "a result never turns into a bool by itself");
static_assert(!std::is_constructible_v<result<int>>, "a result is never empty");
static_assert(std::is_nothrow_move_constructible_v<result<std::string>>);
static_assert(std::is_nothrow_move_assignable_v<result<std::string>>);

struct only_moves {
    only_moves() = default;
    only_moves(only_moves&&) = default;
    auto operator=(only_moves&&) -> only_moves& = default;
};
static_assert(std::is_move_assignable_v<result<only_moves>> && !std::is_copy_constructible_v<result<only_moves>> &&
              !std::is_copy_assignable_v<result<only_moves>>);

namespace {

auto half(int number) -> result<int> {
    if (number % 2 != 0) return fail(errc::bad_data, "odd");
    return number / 2;
}

}  // namespace

TEST_CASE("a result holds a value or an error") {
    const auto good = half(4);
    REQUIRE(good.has_value());
    CHECK(*good == 2);
    CHECK(good.value_or(7) == 2);

    const auto bad = half(3);
    REQUIRE_FALSE(bad);
    CHECK(bad.error() == error{errc::bad_data, "odd"});
    CHECK(bad.value_or(7) == 7);
}

TEST_CASE("and_then and transform carry the first error on") {
    CHECK(*half(8).and_then(half) == 2);
    CHECK(half(6).and_then(half).error().message == "odd");
    CHECK(half(3).and_then(half).error().message == "odd");
    CHECK(*half(8).transform([](int n) { return std::to_string(n); }) == "4");
    CHECK(half(3).transform([](int n) { return std::to_string(n); }).error().code == errc::bad_data);
}

TEST_CASE("result<void> is done or an error") {
    const result<void> done;
    CHECK(done);
    const result<void> wrong = fail(errc::io, "full");
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().message == "full");
}

namespace {

/// Counts its living copies.
struct counted {
    explicit counted(int& living) : living_{&living} { ++living; }
    counted(const counted& other) : living_{other.living_} { ++*living_; }
    counted(counted&& other) noexcept : living_{other.living_} { ++*living_; }
    auto operator=(const counted&) -> counted& = default;
    auto operator=(counted&&) noexcept -> counted& = default;
    ~counted() { --*living_; }

private:
    int* living_;
};

}  // namespace

TEST_CASE("a result can be copied, moved and assigned from each state to each, and leaves nothing behind") {
    int living = 0;
    const std::string text = "a reason that is too long for a small string";
    for (const bool from_good : {true, false}) {
        for (const bool to_good : {true, false}) {
            CAPTURE(from_good);
            CAPTURE(to_good);
            const auto make = [&](bool good) -> result<counted> {
                if (good) return counted{living};
                return fail(errc::io, text);
            };
            const result<counted> from = make(from_good);
            result<counted> copied{from};
            CHECK(copied.has_value() == from_good);
            result<counted> to = make(to_good);
            to = from;
            CHECK(to.has_value() == from_good);
            CHECK(living == (from_good ? 3 : 0));
            to = make(to_good);
            CHECK(to.has_value() == to_good);
            to = std::move(copied);
            CHECK(to.has_value() == from_good);
            if (!from_good) CHECK(to.error() == error{errc::io, text});
            auto& itself = to;
            to = itself;
            CHECK(to.has_value() == from_good);
            if (!from_good) CHECK(to.error().message == text);
        }
        CHECK(living == 0);
    }
}

TEST_CASE("an error may name the settings that would help") {
    CHECK(result<int>{fail(errc::usage, "no")}.error().remedy.empty());
    const result<int> bad = fail(errc::usage, "no", "environment");
    CHECK(bad.error() == error{errc::usage, "no", "environment"});
    CHECK(bad.error() != error{errc::usage, "no"});
    CHECK(result<int>{bad}.and_then([](int) { return result<int>{1}; }).error().remedy == "environment");
}
