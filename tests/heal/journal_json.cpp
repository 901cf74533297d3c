#include <powerconsul/heal/journal_json.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

using namespace powerconsul;

namespace {

auto full_incident() -> incident {
    incident one;
    one.id = "0123456789abcdef";
    one.state = bad_state::warning;
    one.node = "production-web1";
    one.service_id = "web-1";
    one.check_id = "service:web-1:2";
    one.create_index = UINT64_MAX;
    one.modify_index = 77;
    one.opened = {1704067200123};
    one.closed = {1704067300123};
    one.missed = true;
    one.attempts = 2;
    one.given_up = true;
    one.last.began = {1704067200200};
    one.last.may_run = {60'000};
    one.last.ended = {1704067201200};
    one.last.process = {4711, 99'123, "3f7c"};
    one.last.key = "triggers/production/web/primary/warning";
    one.last.result = healing::not_healed;
    one.last.status = 3;
    one.last.signal = 9;
    one.last.output = "first\nlast";
    one.looked = {1704067210000};
    one.held = "there is no trigger";
    return one;
}

auto small_incident(std::string_view id) -> incident {
    incident one;
    one.id = std::string{id};
    one.node = "n";
    one.service_id = "web";
    one.check_id = "service:web";
    one.opened = {5};
    return one;
}

constexpr std::string_view full_text =
    "{\"service\":\"web\",\"incidents\":[\n"
    R"({"id":"0123456789abcdef","state":"warning","node":"production-web1","service_id":"web-1",)"
    R"("check":"service:web-1:2","create_index":18446744073709551615,"modify_index":77,"opened":1704067200123,)"
    R"("closed":1704067300123,"missed":true,"attempts":2,"given_up":true,"looked":1704067210000,)"
    R"("held":"there is no trigger","last":{"began":1704067200200,"may_run":60000,"ended":1704067201200,"pid":4711,)"
    R"("process_began":99123,"boot":"3f7c","trigger":"triggers/production/web/primary/warning",)"
    R"("outcome":"not healed","status":3,"signal":9,"output":"first\nlast"}},)"
    "\n"
    R"({"id":"b","state":"critical","node":"n","service_id":"web","check":"service:web","opened":5})"
    "\n],\"sum\":\"8abd871865f96d0d\"}\n";

/// With the sum of what is there, as if it had been written so.
auto sealed(std::string text) -> std::string {
    const std::size_t at = text.rfind(",\"sum\":\"");
    if (at == std::string::npos || text.size() < at + 24) return text;
    return text.replace(at + 8, 16, ascii::hexadecimal(fnv1a(std::string_view{text}.substr(0, at))));
}

auto replaced(std::string_view from, std::string_view to) -> std::string {
    std::string text{full_text};
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return sealed(text.replace(at, from.size(), to));
}

auto read_back(const journal& from) -> journal {
    const auto read = json::decode_journal(json::encode_journal(from));
    REQUIRE(read);
    return *read;
}

}  // namespace

TEST_CASE("a journal is one line for each incident, without what has its default") {
    const journal both{"web", {full_incident(), small_incident("b")}};
    CHECK(json::encode_journal(both) == full_text);
    const auto read = json::decode_journal(full_text);
    REQUIRE(read);
    CHECK(*read == both);
    CHECK(json::encode_journal({"web", {}}) ==
          "{\"service\":\"web\",\"incidents\":[\n],\"sum\":\"6a64e1f1b257da14\"}\n");
    CHECK(read_back({"web", {}}) == journal{"web", {}});
    CHECK(read_back({"", {}}) == journal{});
}

TEST_CASE("every member comes back, and every member matters") {
    const auto kept = [](auto change) {
        journal from{"web", {full_incident()}};
        change(from.incidents[0]);
        CHECK(from != journal{"web", {full_incident()}});
        CHECK(read_back(from) == from);
    };
    kept([](incident& one) { one.id = "x"; });
    kept([](incident& one) { one.state = bad_state::critical; });
    kept([](incident& one) { one.node.clear(); });
    kept([](incident& one) { one.service_id = "a \"b\" \\ caf\xC3\xA9"; });
    kept([](incident& one) { one.check_id = std::string("a\0b\x7F\x1F", 5); });
    kept([](incident& one) { one.create_index = 0; });
    kept([](incident& one) { one.modify_index = UINT64_MAX; });
    kept([](incident& one) { one.opened = {}; });
    kept([](incident& one) { one.closed = {}; });
    kept([](incident& one) { one.missed = false; });
    kept([](incident& one) { one.attempts = 1; });
    kept([](incident& one) { one.attempts = INT32_MAX; });
    kept([](incident& one) { one.given_up = false; });
    kept([](incident& one) { one.looked = {}; });
    kept([](incident& one) { one.held.clear(); });
    kept([](incident& one) { one.last.began = {1}; });
    kept([](incident& one) { one.last.may_run = {1}; });
    kept([](incident& one) { one.last.ended = {}; });
    kept([](incident& one) { one.last.process = {}; });
    kept([](incident& one) { one.last.process.began = UINT64_MAX; });
    kept([](incident& one) { one.last.process.boot.clear(); });
    kept([](incident& one) { one.last.key = "k"; });
    kept([](incident& one) { one.last.status = 0; });
    kept([](incident& one) { one.last.status = -1; });
    kept([](incident& one) { one.last.signal = 0; });
    kept([](incident& one) { one.last.output.clear(); });
    kept([](incident& one) { one.last = {}; });
    for (const auto each :
         {healing::unfinished, healing::ended, healing::healed, healing::failed_to_run, healing::timed_out}) {
        kept([&](incident& one) { one.last.result = each; });
    }
}

TEST_CASE("what cannot be is not written") {
    journal from{"web", {small_incident("a")}};
    incident& one = from.incidents[0];
    one.last.key = "an attempt that was never made";
    one.opened = {-5};
    one.looked = {-1};
    CHECK(read_back(from).incidents[0].last == attempt{});
    CHECK(read_back(from).incidents[0].opened == milliseconds{});
    CHECK(read_back(from).incidents[0].looked == milliseconds{});
    one.closed = {-1};
    CHECK_FALSE(read_back(from).incidents[0].is_open());
    one.attempts = 1;
    one.last.status = -7;
    one.last.signal = -7;
    one.last.process.pid = -1;
    one.last.began = {INT64_MIN};
    const auto back = read_back(from).incidents[0].last;
    CHECK(back.status == -1);
    CHECK(back.signal == 0);
    CHECK(back.process == process_mark{});
    CHECK(back.began == milliseconds{});
}

TEST_CASE("the last lines of an output") {
    struct row {
        std::string_view name;
        std::string_view output;
        std::string_view kept;
    };
    const row rows[] = {
        {"empty", "", ""},
        {"only ends of lines", "\n \n", ""},
        {"short", "one\ntwo\n\n", "one\ntwo"},
        {"just fits", "12345\n7890\n", "12345\n7890"},
        {"begins in the midst of a line", "first\nsecond.\nxyz\n", "xyz"},
        {"begins with a whole line", "first\nsecond\nxyz\n", "second\nxyz"},
        {"a long line", "0123456789abcdef", "6789abcdef"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(json::last_lines(row.output, 10) == row.kept);
    }
}

TEST_CASE("of an output only the end is kept, in whole lines of UTF-8") {
    struct row {
        std::string_view name;
        std::string output;
        std::string kept;
    };
    const std::string long_line(1030, 'x');
    std::string accents;
    for (int i = 0; i < 600; ++i) accents += "\xC3\xA9";
    const row rows[] = {
        {"short", "a\nb\n", "a\nb"},
        {"controls", std::string("\0\x01\x1B[0m\r\t", 9).substr(0, 8), std::string("\0\x01\x1B[0m\r\t", 8)},
        {"not UTF-8", "a\xFF\xC3z", "a\xEF\xBF\xBD\xEF\xBF\xBDz"},
        {"exactly as much", std::string(1024, 'y'), std::string(1024, 'y')},
        {"one more", "a" + std::string(1024, 'y'), std::string(1024, 'y')},
        {"the last line", long_line + "\nlast", "last"},
        {"the last lines", long_line + "\none\ntwo\n", "one\ntwo"},
        {"a line that just fits", long_line + "\n" + std::string(1024, 'y'), std::string(1024, 'y')},
        {"one long line with its end", long_line + "\n", std::string(1024, 'x')},
        {"cut in a character", accents + "z", accents.substr(0, 1022) + "z"},
        {"grows", std::string(1024, '\xFF'),
         [] {
             std::string all;
             for (int i = 0; i < 341; ++i) all += "\xEF\xBF\xBD";
             return all;
         }()},
        {"very large", std::string(1'000'000, 'x') + "\nend", "end"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        journal from{"web", {full_incident()}};
        from.incidents[0].last.output = each.output;
        const auto once = read_back(from);
        CHECK(once.incidents[0].last.output == each.kept);
        CHECK(read_back(once) == once);
    }
}

TEST_CASE("every other text that is not UTF-8 is made so") {
    journal from{"we\xFF", {full_incident()}};
    from.incidents[0].held = "caf\xE9";
    from.incidents[0].check_id = "\xED\xA0\x80";
    const auto read = read_back(from);
    CHECK(read.service == "we\xEF\xBF\xBD");
    CHECK(read.incidents[0].held == "caf\xEF\xBF\xBD");
    CHECK(read.incidents[0].check_id == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST_CASE("a damaged journal is refused, never half read") {
    struct row {
        std::string_view name;
        std::string text;
    };
    const row rows[] = {
        {"empty", ""},
        {"no object", "[]\n"},
        {"a NUL byte behind it", std::string{full_text} + '\0'},
        {"a second one behind it", std::string{full_text} + std::string{full_text}},
        {"no service", replaced(R"("service":"web",)", "")},
        {"service is no text", replaced(R"("service":"web")", R"("service":1)")},
        {"incidents are no list", "{\"service\":\"web\",\"incidents\":{}}\n"},
        {"an incident is no object", "{\"service\":\"web\",\"incidents\":[\n1\n]}\n"},
        {"no id", replaced(R"("id":"b",)", "")},
        {"an empty id", replaced(R"("id":"b")", R"("id":"")")},
        {"two with one id", replaced(R"("id":"b")", R"("id":"0123456789abcdef")")},
        {"no check", replaced(R"("check":"service:web",)", "")},
        {"no state", replaced(R"("state":"critical",)", "")},
        {"a state that there is not", replaced(R"("state":"critical")", R"("state":"passing")")},
        {"an outcome that there is not", replaced("not healed", "worse")},
        {"attempts without the last",
         replaced(R"("check":"service:web","opened":5)", R"("check":"service:web","opened":5,"attempts":1)")},
        {"the last without attempts", replaced(R"("attempts":2,)", "")},
        {"no attempts, written", replaced(R"("attempts":2,)", R"("attempts":0,)")},
        {"too many attempts", replaced(R"("attempts":2,)", R"("attempts":4294967297,)")},
        {"a negative time", replaced(R"("opened":5)", R"("opened":-5)")},
        {"a time with a fraction", replaced(R"("opened":5)", R"("opened":5.0)")},
        {"a time too large", replaced(R"("opened":5)", R"("opened":9223372036854775807)")},
        {"a time as text", replaced(R"("opened":5)", R"("opened":"5")")},
        {"a flag that is not set, written", replaced(R"("missed":true)", R"("missed":false)")},
        {"a flag as a number", replaced(R"("missed":true)", R"("missed":1)")},
        {"a negative pid", replaced(R"("pid":4711)", R"("pid":-1)")},
        {"the mark of no process", replaced(R"("pid":4711,)", "")},
        {"a status too large", replaced(R"("status":3)", R"("status":4294967299)")},
        {"the last is no object", replaced(R"("last":{)", R"("last":[{)")},
        {"a member that there is not", replaced(R"("opened":5)", R"("opened":5,"x":1)")},
        {"a member twice", replaced(R"("opened":5)", R"("opened":5,"opened":5)")},
        {"other blanks", replaced(R"("opened":5)", R"("opened": 5)")},
        {"another order", replaced(R"("id":"b","state":"critical")", R"("state":"critical","id":"b")")},
        {"an output that is too long", replaced("first\\nlast", std::string(1025, 'x'))},
        {"not UTF-8", replaced("there is no trigger", "\xFF")},
        {"no sum", replaced(",\"sum\":\"8abd871865f96d0d\"", "")},
        {"another sum", std::string{full_text}.replace(full_text.size() - 4, 1, "x")},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto read = json::decode_journal(each.text);
        REQUIRE_FALSE(read);
        CHECK(read.error().code == errc::bad_data);
    }
    CHECK(json::decode_journal("{}").error().message == "the journal is damaged");
}

TEST_CASE("cut off anywhere, or with any byte changed, it is damaged") {
    for (std::size_t length = 0; length < full_text.size(); ++length) {
        CAPTURE(length);
        CHECK_FALSE(json::decode_journal(full_text.substr(0, length)));
    }
    for (std::size_t i = 0; i < full_text.size(); ++i) {
        for (const char c : {'\0', '0', '1', '"', '}', 'x', '\xFF'}) {
            if (full_text[i] == c) continue;
            std::string text{full_text};
            text[i] = c;
            CAPTURE(i);
            CHECK_FALSE(json::decode_journal(text));
        }
    }
}
