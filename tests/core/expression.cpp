#include <powerconsul/core/expression.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace powerconsul;

namespace {

auto repeated(std::string_view text, std::size_t times) -> std::string {
    std::string all;
    for (std::size_t i = 0; i < times; ++i) all += text;
    return all;
}

}  // namespace

TEST_CASE("an expression becomes POSIX, or is refused for what the C library would make of it") {
    struct row {
        std::string_view name;
        std::string expression;
        std::string result;  ///< the POSIX form, or what stands behind "is refused at "
        bool taken{true};
    };
    const std::string empty = ": what is repeated may match nothing; write (a*)* as a*, and (a*){2} as a*";
    const std::string anchored = ": anchors beside many repetitions of what has repetitions; write it plainer";
    const row rows[] = {
        {"a digit", "web\\d", "web[0-9]"},
        {"no digit", "\\D+", "[^0-9]+"},
        {"an empty branch", "web(|[0-9]+)$", "web(|[0-9]+)$"},
        {"a group that may be missing", "(-[a-z]*)*x", "(-[a-z]*)*x"},
        {"what may be missing anyhow", "([0-9]*)?", "([0-9]*)?"},
        {"three hundred that may be missing", "a{0,300}", "a{0,300}"},
        {"a star of a star", "(a*)*", "byte 4" + empty, false},
        {"a plus of what may be missing", "(a?b?)+", "byte 6" + empty, false},
        {"a plus of a branch that may be missing", "(ab|c*)+", "byte 7" + empty, false},
        {"a plus of an empty branch", "(a|)+", "byte 4" + empty, false},
        {"a plus of an empty first branch", "(|a)+", "byte 4" + empty, false},
        {"a count of what may be missing", "([ab]*.?){0,5}", "byte 9" + empty, false},
        {"a group within one", "((a{0,2}))*", "byte 10" + empty, false},
        {"and its neighbour is not", "(a*b)*(c*d)*", "(a*b)*(c*d)*"},
        {"a bracket is something", "([*]|x)+", "([*]|x)+"},
        {"more than three hundred that may be missing", "a{0,301}",
         "byte 8: more than 300 pieces that may be missing; write it plainer", false},
        {"the same in groups", "((a?b){20}){16}", "byte 15: more than 300 pieces that may be missing; write it plainer",
         false},
        {"anchors beside what may be missing", repeated("(^|a?b)", 25), "byte 175" + anchored, false},
        {"word borders beside what may be missing", repeated("\\b", 5) + "a{0,21}", "byte 17" + anchored, false},
        {"anchors beside nested repetitions", repeated("(^|x)", 9) + "(ab*)*(cd*)*", "byte 57" + anchored, false},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto posix = detail::posix_expression(each.expression);
        REQUIRE(posix.has_value() == each.taken);
        if (posix) CHECK(*posix == each.result);
        if (!posix) {
            CHECK(posix.error().message ==
                  "the expression " + quoted(each.expression) + " is refused at " + each.result);
        }
    }
}

TEST_CASE("the cost of an expression is what its anchors and optional pieces make of it") {
    CHECK(cost_of_expression("web1") == 0);
    CHECK(cost_of_expression("^web1") == 1);
    CHECK(cost_of_expression("^web[0-9]+$") == 5);
    CHECK(cost_of_expression(".*") == 1);
    CHECK(cost_of_expression("(ab|c)+") == 4);
    CHECK(cost_of_expression("a{2,5}") == 5);
    CHECK(cost_of_expression("(a?b){5}") == 5);
    CHECK(cost_of_expression("\\bweb") == 21);
    CHECK(cost_of_expression("(a") == 0);
    CHECK(cost_of_expression("(a*)*") == 0);
}
