#include <powerconsul/config/settings.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>

using namespace powerconsul;

TEST_CASE("the words for takeover and unknown exit are few") {
    CHECK(*parse_takeover("critical") == takeover::on_critical);
    CHECK(*parse_takeover("warning") == takeover::on_warning);
    for (const std::string_view text : {"", "Warning", "passing", "warning "}) {
        CAPTURE(text);
        CHECK(parse_takeover(text).error().code == errc::usage);
        CHECK(parse_takeover(text).error().message == quoted(text) + R"( is neither "critical" nor "warning")");
    }
    CHECK(*parse_unknown_exit("1") == 1);
    CHECK(*parse_unknown_exit("2") == 2);
    CHECK(*parse_unknown_exit("3") == 3);
    for (const std::string_view text : {"", "0", "4", "11", "-1", "1 "}) {
        CAPTURE(text);
        CHECK(parse_unknown_exit(text).error().code == errc::usage);
        CHECK(parse_unknown_exit(text).error().message == quoted(text) + " is not one of 1, 2 and 3");
    }
}

TEST_CASE("a count is a whole number in its range") {
    CHECK(*parse_count<64>("1") == 1);
    CHECK(*parse_count<64>("64") == 64);
    CHECK(*parse_count<100>("007") == 7);
    for (const std::string_view text : {"", "0", "65", "-1", "+1", " 1", "1 ", "1.0", "1e1", "4294967297", "one"}) {
        CAPTURE(text);
        REQUIRE_FALSE(parse_count<64>(text));
        CHECK(parse_count<64>(text).error() ==
              error{errc::usage, quoted(text) + " is not a whole number from 1 to 64"});
    }
}

TEST_CASE("truth values are those of Consul's own programs") {
    for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
        CAPTURE(yes);
        CHECK(parse_boolean(yes).value_or(false));
    }
    for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
        CAPTURE(no);
        CHECK_FALSE(parse_boolean(no).value_or(true));
    }
    for (const std::string_view neither : {"", "yes", "no", "on", "tRUE", "2", "00", " true", "true "}) {
        CAPTURE(neither);
        const auto read = parse_boolean(neither);
        REQUIRE_FALSE(read);
        CHECK(read.error().code == errc::usage);
        CHECK(read.error().message.find(R"(is neither "true" nor "false")") != std::string::npos);
    }
}
