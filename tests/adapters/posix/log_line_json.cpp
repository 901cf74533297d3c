#include <powerconsul/adapters/posix/log_line_json.hpp>

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
        CHECK(json::event_line(row.what, noon) == row.line);
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
            const auto line = json::event_line(what, noon, limit);
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
        CHECK(json::event_line(what, noon, limit).size() == limit);
    }
}
