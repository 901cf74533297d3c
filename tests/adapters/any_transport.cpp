#include <powerconsul/adapters/any_transport.hpp>

#include <doctest/doctest.h>

#include <concepts>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <powerconsul/ports/transport.hpp>

using namespace powerconsul;

namespace {

/// Answers with its own name and the target.
struct one_by_one {
    std::string name{"one"};
    int calls{};
    auto perform(const http_request& request) -> result<http_response> {
        ++calls;
        return http_response{200, name + ' ' + request.target, {}};
    }
};

struct side_by_side : one_by_one {
    int batches{};
    auto perform_all(std::span<const http_request> requests) -> std::vector<result<http_response>> {
        ++batches;
        std::vector<result<http_response>> answers;
        for (const auto& request : requests) answers.push_back(http_response{200, "batch " + request.target, {}});
        return answers;
    }
};

struct not_copyable : one_by_one {
    not_copyable() = default;
    not_copyable(not_copyable&&) = default;
    not_copyable(const not_copyable&) = delete;
};

struct says_bool {
    auto perform(const http_request&) -> bool { return true; }
};

const std::vector<http_request> two{{http_method::get, "/a"}, {http_method::get, "/b"}};

}  // namespace

static_assert(http_transport<any_transport> && parallel_http_transport<any_transport>);
static_assert(std::movable<any_transport> && !std::copyable<any_transport>);
static_assert(std::constructible_from<any_transport, one_by_one> &&
              std::constructible_from<any_transport, not_copyable>);
static_assert(!std::constructible_from<any_transport, says_bool>, "an answer is a result, never a bool");
static_assert(!std::constructible_from<any_transport, int> && !std::default_initializable<any_transport>);

TEST_CASE("a transport chosen at run time answers as the one that it holds") {
    const auto choose = [](bool first) -> any_transport {
        if (first) return one_by_one{"first"};
        return not_copyable{};
    };
    CHECK(choose(true).perform({http_method::get, "/x"})->body == "first /x");
    CHECK(choose(false).perform({http_method::get, "/x"})->body == "one /x");
}

TEST_CASE("several requests go side by side where the held transport can") {
    one_by_one slow;
    side_by_side fast;
    auto to_slow = any_transport::to(slow);
    auto to_fast = any_transport::to(fast);
    const auto from_slow = perform_all(to_slow, two);
    const auto from_fast = perform_all(to_fast, two);
    REQUIRE(from_slow.size() == 2);
    REQUIRE(from_fast.size() == 2);
    CHECK(from_slow[1]->body == "one /b");
    CHECK(from_fast[1]->body == "batch /b");
    CHECK(slow.calls == 2);
    CHECK(fast.calls == 0);
    CHECK(fast.batches == 1);
}

TEST_CASE("moving hands the transport over; the one moved from says so") {
    any_transport from{one_by_one{}};
    any_transport into{std::move(from)};
    CHECK(into.perform(two[0])->body == "one /a");
    const auto answer = from.perform(two[0]);  // NOLINT: used after the move on purpose
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == errc::usage);
    const auto answers = from.perform_all(two);
    REQUIRE(answers.size() == 2);
    CHECK_FALSE(answers[1]);
    from = std::move(into);
    CHECK(from.perform(two[1])->body == "one /b");
}
