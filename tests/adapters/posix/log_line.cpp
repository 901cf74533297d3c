#include <powerconsul/adapters/posix/log_line.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <random>
#include <string>
#include <string_view>

#include <powerconsul/core/text.hpp>
#include <powerconsul/json/value.hpp>

using namespace powerconsul;
using namespace std::string_literals;

namespace {

constexpr milliseconds noon{1'709'208'000'000};  // 2024-02-29T12:00:00.000Z
const std::string head = "time=2024-02-29T12:00:00.000Z level=info event=e";

auto repeated(std::string_view piece, std::size_t bytes) -> std::string {
    std::string text;
    while (text.size() < bytes) text += piece;
    return text;
}

/// The value of the member, between its quotes if it has some. Members whose values hold blanks come last here.
auto value_of(const std::string& line, const std::string& name) -> std::string {
    const auto at = line.find(' ' + name + '=');
    if (at == std::string::npos) return "no such member";
    const auto begin = at + name.size() + 2;
    if (line[begin] != '"') return line.substr(begin, line.find(' ', begin) - begin);
    auto end = begin + 1;
    while (end < line.size() && line[end] != '"') end += line[end] == '\\' ? 2 : 1;
    return line.substr(begin + 1, end - begin - 1);
}

}  // namespace

TEST_CASE("an event is one line with its members in order") {
    struct case_row {
        std::string_view name;
        event what;
        std::string line;
    };
    const case_row rows[] = {
        {"nothing but words",
         {.what = "watch started"},
         "time=2024-02-29T12:00:00.000Z level=info event=\"watch started\""},
        {"all of it",
         {.level = event_level::warning,
          .what = "trigger ended",
          .service = "web",
          .state = "critical",
          .fields = {{"incident", "6f-1"}, {"attempt", "2"}, {"output", "no such unit"}}},
         "time=2024-02-29T12:00:00.000Z level=warning event=\"trigger ended\" service=web state=critical incident=6f-1 "
         "attempt=2 output=\"no such unit\""},
        {"one word",
         {.level = event_level::error, .what = "failed"},
         "time=2024-02-29T12:00:00.000Z level=error event=failed"},
        {"no words", {.level = event_level::debug}, "time=2024-02-29T12:00:00.000Z level=debug event=\"\""},
        {"a state without a service", {.what = "e", .state = "warning"}, head + " state=warning"},
        {"names that would break the line",
         {.what = "e", .fields = {{"a b", "1"}, {"c=d", "2"}, {"\"", "3"}, {"", "4"}, {"x\n\\\x7F\xC3\xA9", "5"}}},
         head + " a_b=1 c_d=2 _=3 _=4 x_____=5"},
        {"a service that would",
         {.what = "e", .service = "a\" level=error\nb"},
         head + R"( service="a\" level=error\nb")"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(logfmt_line(row.what, noon) == row.line);
    }
}

TEST_CASE("values are quoted where they must be and escaped in quotes") {
    struct case_row {
        std::string_view name;
        std::string value;
        std::string_view written;
    };
    const case_row rows[] = {
        {"plain", "a", "a"},
        {"all that needs no quotes", "!#$%&'()*+,-./:;<>?@[]^_`{|}~", "!#$%&'()*+,-./:;<>?@[]^_`{|}~"},
        {"nothing", "", R"("")"},
        {"a blank", "a b", R"("a b")"},
        {"only a blank", " ", R"(" ")"},
        {"an equals sign", "a=b", R"("a=b")"},
        {"a quote", "a\"b", R"("a\"b")"},
        {"a backslash", "a\\b", R"("a\\b")"},
        {"a newline", "a\nb", R"("a\nb")"},
        {"a newline at the end", "a\n", R"("a\n")"},
        {"CR and LF", "a\r\nb", R"("a\r\nb")"},
        {"a tab", "a\tb", R"("a\tb")"},
        {"NUL", "a\0b"s, R"("a\u0000b")"},
        {"escape", "\x1B[2J", R"("\u001b[2J")"},
        {"delete", "\x7F", R"("\u007f")"},
        {"a control character of two bytes", "\xC2\x9B", R"("\u009b")"},
        {"a letter of two bytes", "caf\xC3\xA9", "\"caf\xC3\xA9\""},
        {"the blank that does not break", "\xC2\xA0", "\"\xC2\xA0\""},
        {"a letter of three bytes", "\xE2\x82\xAC", "\"\xE2\x82\xAC\""},
        {"four bytes", "\xF0\x9F\x98\x80", "\"\xF0\x9F\x98\x80\""},
        {"a line separator", "\xE2\x80\xA8", R"("\u2028")"},
        {"a change of direction", "\xE2\x80\xAE", R"("\u202e")"},
        {"behind it", "\xE2\x80\xAF", "\"\xE2\x80\xAF\""},
        {"an isolated direction", "\xE2\x81\xA6\xE2\x81\xA9", R"("\u2066\u2069")"},
        {"a byte that is not UTF-8", "a\xFFz", "\"a\xEF\xBF\xBDz\""},
        {"a cut sequence", "\xE2\x82", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"text that looks like an escape", R"(\n)", R"("\\n")"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(logfmt_line({.what = "e", .fields = {{"k", row.value}}}, noon) ==
              head + " k=" + std::string{row.written});
    }
}

TEST_CASE("a line is as long as it may be, whatever it carries") {
    struct case_row {
        std::string_view name;
        std::string_view piece;
        std::size_t wasted;  ///< bytes at most that are not used
    };
    const case_row rows[] = {
        {"letters", "x", 2},
        {"quotes", "\"", 3},
        {"newlines", "\n", 3},
        {"control characters", "\x01", 7},
        {"not UTF-8", "\xFF", 4},
        {"wide characters", "\xF0\x9F\x98\x80", 5},
        {"a mixture", "a\"\xC3\xA9\n\x01 =\\\xFE", 7},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const std::string text = repeated(row.piece, 100'000);
        for (const std::size_t limit : {event_line_limit, least_event_line_limit, std::size_t{5000}}) {
            CAPTURE(limit);
            const event what{.what = "e", .fields = {{"output", text}, {"exit", "7"}}};
            const auto line = logfmt_line(what, noon, limit);
            CHECK(line.size() <= limit);
            CHECK(line.size() + 7 + row.wasted + 4 * 5 >= limit);  // JSON's quotes and braces are kept free, too
            CHECK(line.find('\n') == std::string::npos);
            CHECK(is_utf8(line));
            CHECK(value_of(line, "output").ends_with("..."));
            CHECK(value_of(line, "exit") == "7");
        }
    }
    CHECK(logfmt_line({.what = "e"}, noon).size() == head.size());
    CHECK(event_line_limit + 1 == 8192);
}

TEST_CASE("only what is too long is cut") {
    const event what{
        .what = "e",
        .service = std::string(255, 's'),
        .state = "critical",
        .fields = {{"a", std::string(5000, 'a')}, {"b", std::string(6000, 'b')}, {"c", std::string(100, 'c')}}};
    const auto line = logfmt_line(what, noon);
    CHECK(value_of(line, "service") == what.service);
    CHECK(value_of(line, "c") == what.fields[2].second);
    CHECK(value_of(line, "a").size() == value_of(line, "b").size());
    CHECK(value_of(line, "a").ends_with("aaa..."));
    CHECK(value_of(line, "b").ends_with("bbb..."));

    const event exact{.what = "e", .fields = {{"a", std::string(5000, 'a')}, {"b", std::string(2500, 'b')}}};
    CHECK(value_of(logfmt_line(exact, noon), "a") == exact.fields[0].second);
    CHECK(value_of(logfmt_line(exact, noon), "b") == exact.fields[1].second);
}

TEST_CASE("many fields with long names still leave something of each value") {
    const std::string name(100, 'n');
    event what{.what = "e", .service = repeated("\"", 1000), .state = repeated("\x01", 1000)};
    for (int i = 0; i < 100; ++i) what.fields.emplace_back(name, repeated("\x01\xFF", 10'000));
    const auto line = logfmt_line(what, noon, least_event_line_limit);
    CHECK(line.size() <= least_event_line_limit);
    CHECK(value_of(line, "service").size() > 40);
    CHECK(value_of(line, std::string(48, 'n')).size() > 40);
    std::size_t fields = 0;
    for (std::size_t at = line.find("nn="); at != std::string::npos; at = line.find("nn=", at + 1)) ++fields;
    CHECK(fields == 32);
}

TEST_CASE("any bytes give one bounded line of UTF-8") {
    std::mt19937 random{20'240'229};
    for (int round = 0; round < 300; ++round) {
        CAPTURE(round);
        event what{.what = "any bytes"};
        const auto bytes = [&](std::size_t most) {
            std::string text(random() % most, ' ');
            for (char& c : text) c = static_cast<char>(random() % (round % 3 == 0 ? 48U : 256U));
            return text;
        };
        what.service = bytes(300);
        what.state = bytes(20);
        for (auto i = random() % 40; i > 0; --i) what.fields.emplace_back("field", bytes(round % 2 == 0 ? 30 : 3000));
        for (const std::size_t limit : {event_line_limit, least_event_line_limit}) {
            const auto line = logfmt_line(what, noon, limit);
            REQUIRE(line.size() <= limit);
            REQUIRE(is_utf8(line));
            std::size_t control = 0;
            std::size_t quotes = 0;
            for (std::size_t i = 0; i < line.size(); ++i) {
                control += static_cast<unsigned char>(line[i]) < 0x20 || line[i] == 0x7F ? 1 : 0;
                if (line[i] == '\\') {
                    ++i;
                } else if (line[i] == '"') {
                    ++quotes;
                }
            }
            REQUIRE(control == 0);
            REQUIRE(quotes % 2 == 0);
        }
    }
}

namespace {

/// What a text must be read back as: each byte that is not UTF-8 as U+FFFD.
auto repaired(std::string_view text) -> std::string {
    std::string kept;
    while (!text.empty()) {
        const std::size_t length = utf8_sequence(text);
        kept += length == 0 ? std::string_view{"\xEF\xBF\xBD"} : text.substr(0, length);
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return kept;
}

}  // namespace

TEST_CASE("an event is one object with its members in order") {
    struct case_row {
        std::string_view name;
        event what;
        std::string_view line;
    };
    const case_row rows[] = {
        {"nothing but words",
         {.what = "watch started"},
         R"({"time":"2024-02-29T12:00:00.000Z","level":"info","event":"watch started"})"},
        {"all of it",
         {.level = event_level::error,
          .what = "trigger ended",
          .service = "web",
          .state = "critical",
          .fields = {{"attempt", "2"}, {"output", "no \"such\" unit\n"}, {"empty", ""}}},
         R"({"time":"2024-02-29T12:00:00.000Z","level":"error","event":"trigger ended","service":"web",)"
         R"("state":"critical","attempt":"2","output":"no \"such\" unit\n","empty":""})"},
        {"control characters",
         {.what = "e", .service = "a\0\x1B\t\x7F"s},
         R"({"time":"2024-02-29T12:00:00.000Z","level":"info","event":"e","service":"a\u0000\u001b\t\u007f"})"},
        {"names that would break the line",
         {.what = "e", .fields = {{"a\"b", "1"}}},
         R"({"time":"2024-02-29T12:00:00.000Z","level":"info","event":"e","a_b":"1"})"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(json_line(row.what, noon) == row.line);
    }
}

TEST_CASE("any bytes are read back, or cut as logfmt cuts them") {
    std::mt19937 random{20'240'229};
    std::size_t whole = 0;
    std::size_t cut = 0;
    for (int round = 0; round < 300; ++round) {
        CAPTURE(round);
        event what{.what = "any bytes", .service = "s"};
        for (auto i = random() % 40; i > 0; --i) {
            std::string text(random() % (round % 2 == 0 ? 30U : 3000U), ' ');
            for (char& c : text) c = static_cast<char>(random() % (round % 3 == 0 ? 128U : 256U));
            what.fields.emplace_back("field", text);
        }
        for (const std::size_t limit : {event_line_limit, least_event_line_limit}) {
            const auto line = json_line(what, noon, limit);
            REQUIRE(line.size() <= limit);
            REQUIRE(line.find('\n') == std::string::npos);
            const auto logfmt = logfmt_line(what, noon, limit);
            const auto read = json::parse(line);
            REQUIRE(read);
            REQUIRE(read->items.size() == 4 + (what.fields.size() < 32 ? what.fields.size() : 32));
            for (std::size_t i = 4; i < read->items.size(); ++i) {
                const std::string expected = repaired(what.fields[i - 4].second);
                const std::string& found = read->items[i].text;
                if (found == expected) {
                    ++whole;
                    continue;
                }
                ++cut;
                REQUIRE(found.ends_with("..."));
                REQUIRE(expected.starts_with(found.substr(0, found.size() - 3)));
                const auto begin = read->items[i].offset + 1;
                const auto end = line.find(i + 1 < read->items.size() ? "\",\"field\":\"" : "\"}", begin);
                REQUIRE(logfmt.find("=\"" + line.substr(begin, end - begin) + '"') != std::string::npos);
            }
        }
    }
    CHECK(whole > 1000);
    CHECK(cut > 1000);
}

TEST_CASE("the line uses its limit to the byte") {
    const event what{.what = "e", .fields = {{"a", std::string(100'000, 'x')}, {"b", "c"}}};
    for (const std::size_t limit : {event_line_limit, least_event_line_limit}) {
        CHECK(json_line(what, noon, limit).size() == limit);
    }
}
