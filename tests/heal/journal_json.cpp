#include <powerconsul/heal/journal_json.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using namespace powerconsul;

namespace {

auto full_check() -> incident_check {
    return {"web-1", "service:web-1:2", true, {1704067200124}, UINT64_MAX, 77};
}

auto full_incident() -> incident {
    incident one;
    one.id = "0123456789abcdef";
    one.state = bad_state::warning;
    one.node = "production-web1";
    one.opened = {1704067200123};
    one.closed = {1704067300123};
    one.how = closing::healed;
    one.checks = {full_check(), {.service_id = "web-2", .check_id = "b"}};
    one.further_checks = 3;
    one.attempts = 2;
    one.given_up = true;
    one.owed = notice::passing;
    one.looked = {1704067210000};
    one.held = "there is no trigger";
    one.key = "triggers/production/web/primary/warning";
    return one;
}

auto full_attempt() -> attempt {
    attempt one;
    one.began = {1704067200200};
    one.may_run = {60'000};
    one.ended = {1704067201200};
    one.settle = {30'000};
    one.settled = {1704067202200};
    one.process = {4711, 99'123, "3f7c"};
    one.incident = "0123456789abcdef";
    one.key = "triggers/production/web/primary/warning";
    one.number = 2;
    one.informs = true;
    one.stops = true;
    one.result = healing::not_healed;
    one.status = 3;
    one.signal = 9;
    one.output = "first\nlast";
    return one;
}

auto full_ledger() -> ledger {
    return {"triggers/production/web/primary/warning", 2, true, {60'000}, {1704067201200}, 55};
}

auto full_journal() -> journal {
    return {.service = "web",
            .well = {1704067300123},
            .silent = {{"service:web-3", {1704067300000}}},
            .incidents = {full_incident(), {.id = "b", .node = "n", .opened = {5}}},
            .ledgers = {full_ledger()},
            .attempts = {full_attempt(), {}},
            .dropped = 4};
}

constexpr std::string_view full_text =
    "{\"journal\":2,\"service\":\"web\",\"well\":1704067300123,\"dropped\":4,\"silent\":[\n"
    R"({"check":"service:web-3","since":1704067300000})"
    "\n],\"incidents\":[\n"
    R"({"id":"0123456789abcdef","state":"warning","node":"production-web1","opened":1704067200123,)"
    R"("closed":1704067300123,"how":"healed","further_checks":3,"attempts":2,"given_up":true,"owed":"passing",)"
    R"("looked":1704067210000,"held":"there is no trigger","trigger":"triggers/production/web/primary/warning",)"
    R"("checks":[{"service_id":"web-1","check":"service:web-1:2","bad":true,"changed":1704067200124,)"
    R"("face":18446744073709551615,"modify_index":77},{"service_id":"web-2","check":"b"}]},)"
    "\n"
    R"({"id":"b","state":"critical","node":"n","opened":5,"how":"open","owed":"none","checks":[]})"
    "\n],\"ledgers\":[\n"
    R"({"trigger":"triggers/production/web/primary/warning","attempts":2,"given_up":true,"backoff":60000,)"
    R"("ended":1704067201200,"modify_index":55})"
    "\n],\"attempts\":[\n"
    R"({"incident":"0123456789abcdef","trigger":"triggers/production/web/primary/warning","number":2,"informs":true,"stops":true,)"
    R"("began":1704067200200,"may_run":60000,"ended":1704067201200,"settle":30000,"settled":1704067202200,"pid":4711,)"
    R"("process_began":99123,"boot":"3f7c","outcome":"not healed","status":3,"signal":9,"output":"first\nlast"},)"
    "\n"
    R"({"trigger":"","number":1,"outcome":"unfinished"})"
    "\n],\"sum\":\"SUM\"}\n";

/// What was written before attempts were counted by trigger.
constexpr std::string_view first_text =
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
    if (at == std::string::npos) return text;
    return text.substr(0, at + 8) + ascii::hexadecimal(fnv1a(std::string_view{text}.substr(0, at))) + "\"}\n";
}

auto replaced(std::string_view from, std::string_view to, std::string_view in = full_text) -> std::string {
    std::string text{in};
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return sealed(text.replace(at, from.size(), to));
}

/// A journal of the first form with these incidents.
auto first_form(std::string_view incidents) -> journal {
    const auto read = json::decode_journal(
        sealed("{\"service\":\"web\",\"incidents\":[\n" + std::string{incidents} + "\n],\"sum\":\"\"}\n"));
    REQUIRE(read);
    // It is written in the form of today, and read so.
    const auto again = json::decode_journal(json::encode_journal(*read));
    REQUIRE(again);
    CHECK(*again == *read);
    return *read;
}

auto read_back(const journal& from) -> journal {
    const auto read = json::decode_journal(json::encode_journal(from));
    REQUIRE(read);
    return *read;
}

}  // namespace

TEST_CASE("a journal is one line for each entry, without what has its default") {
    CHECK(json::encode_journal(full_journal()) == sealed(std::string{full_text}));
    const auto read = json::decode_journal(sealed(std::string{full_text}));
    REQUIRE(read);
    CHECK(*read == full_journal());
    CHECK(json::encode_journal({.service = "web"}) ==
          sealed("{\"journal\":2,\"service\":\"web\",\"well\":0,\"dropped\":0,\"silent\":[],\"incidents\":[],"
                 "\"ledgers\":[],\"attempts\":[],\"sum\":\"\"}\n"));
    CHECK(read_back({.service = "web"}) == journal{.service = "web"});
    CHECK(read_back({}) == journal{});
}

TEST_CASE("blanks behind it, which keep a file's size, do not matter") {
    const std::string text = json::encode_journal(full_journal());
    for (const auto* padding : {"", "\n", "    ", "\n   \n"}) {
        CAPTURE(padding);
        const auto read = json::decode_journal(text.substr(0, text.size() - 1) + padding);
        REQUIRE(read);
        CHECK(*read == full_journal());
    }
    CHECK_FALSE(json::decode_journal(text + "\t"));
    CHECK_FALSE(json::decode_journal(' ' + text));
}

TEST_CASE("every member comes back, and every member matters") {
    const auto kept = [](auto change) {
        journal from = full_journal();
        change(from);
        CHECK(from != full_journal());
        CHECK(read_back(from) == from);
    };
    const auto kept_of_incident = [&](auto change) { kept([&](journal& all) { change(all.incidents[0]); }); };
    const auto kept_of_check = [&](auto change) { kept([&](journal& all) { change(all.incidents[0].checks[0]); }); };
    const auto kept_of_ledger = [&](auto change) { kept([&](journal& all) { change(all.ledgers[0]); }); };
    const auto kept_of_attempt = [&](auto change) { kept([&](journal& all) { change(all.attempts[0]); }); };
    kept([](journal& all) { all.service = "mail"; });
    kept([](journal& all) { all.well = {}; });
    kept([](journal& all) { all.dropped = UINT64_MAX; });
    kept([](journal& all) { all.silent.clear(); });
    kept([](journal& all) { all.silent[0].since = {}; });
    kept([](journal& all) { all.incidents.clear(); });
    kept([](journal& all) { all.ledgers.clear(); });
    kept([](journal& all) { all.attempts.clear(); });
    kept_of_incident([](incident& one) { one.id = "x"; });
    kept_of_incident([](incident& one) { one.state = bad_state::critical; });
    kept_of_incident([](incident& one) { one.node.clear(); });
    kept_of_incident([](incident& one) { one.opened = {}; });
    kept_of_incident([](incident& one) { one.closed = {}; });
    kept_of_incident([](incident& one) { one.checks.clear(); });
    kept_of_incident([](incident& one) { one.further_checks = 0; });
    kept_of_incident([](incident& one) { one.attempts = 1; });
    kept_of_incident([](incident& one) { one.attempts = INT32_MAX; });
    kept_of_incident([](incident& one) { one.given_up = false; });
    kept_of_incident([](incident& one) { one.looked = {}; });
    kept_of_incident([](incident& one) { one.held.clear(); });
    kept_of_incident([](incident& one) { one.key.clear(); });
    kept_of_check([](incident_check& one) { one.service_id = "a \"b\" \\ caf\xC3\xA9"; });
    kept_of_check([](incident_check& one) { one.check_id = std::string("a\0b\x7F\x1F", 5); });
    kept_of_check([](incident_check& one) { one.bad = false; });
    kept_of_check([](incident_check& one) { one.changed = {}; });
    kept_of_check([](incident_check& one) { one.face = 0; });
    kept_of_check([](incident_check& one) { one.modify_index = UINT64_MAX; });
    kept_of_ledger([](ledger& one) { one.key = "k"; });
    kept_of_ledger([](ledger& one) { one.attempts = 0; });
    kept_of_ledger([](ledger& one) { one.given_up = false; });
    kept_of_ledger([](ledger& one) { one.backoff = {}; });
    kept_of_ledger([](ledger& one) { one.ended = {}; });
    kept_of_ledger([](ledger& one) { one.modify_index = 0; });
    kept_of_attempt([](attempt& one) { one.began = {1}; });
    kept_of_attempt([](attempt& one) { one.may_run = {1}; });
    kept_of_attempt([](attempt& one) { one.ended = {}; });
    kept_of_attempt([](attempt& one) { one.settle = {}; });
    kept_of_attempt([](attempt& one) { one.settled = {}; });
    kept_of_attempt([](attempt& one) { one.process = {}; });
    kept_of_attempt([](attempt& one) { one.process.began = UINT64_MAX; });
    kept_of_attempt([](attempt& one) { one.process.boot.clear(); });
    kept_of_attempt([](attempt& one) { one.incident.clear(); });
    kept_of_attempt([](attempt& one) { one.key = "k"; });
    kept_of_attempt([](attempt& one) { one.number = 1; });
    kept_of_attempt([](attempt& one) { one.informs = false; });
    kept_of_attempt([](attempt& one) { one.stops = false; });
    kept_of_attempt([](attempt& one) { one.status = 0; });
    kept_of_attempt([](attempt& one) { one.status = -1; });
    kept_of_attempt([](attempt& one) { one.signal = 0; });
    kept_of_attempt([](attempt& one) { one.output.clear(); });
    for (const auto each :
         {healing::unfinished, healing::ended, healing::healed, healing::failed_to_run, healing::timed_out}) {
        kept_of_attempt([&](attempt& one) { one.result = each; });
    }
    for (const auto each : {closing::open, closing::over, closing::gone, closing::left}) {
        kept_of_incident([&](incident& one) { one.how = each; });
    }
    for (const auto each : {notice::none, notice::given_up}) {
        kept_of_incident([&](incident& one) { one.owed = each; });
    }
}

TEST_CASE("what cannot be is not written") {
    journal from{.service = "web", .incidents = {{.id = "a"}}, .attempts = {{}}};
    incident& one = from.incidents[0];
    one.opened = {-5};
    one.looked = {-1};
    attempt& last = from.attempts[0];
    last.status = -7;
    last.signal = -7;
    last.process.pid = -1;
    last.began = {INT64_MIN};
    const auto back = read_back(from);
    CHECK(back.incidents[0].opened == milliseconds{});
    CHECK(back.incidents[0].looked == milliseconds{});
    CHECK(back.attempts[0] == attempt{});
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

TEST_CASE("the last lines of an output are UTF-8, and whole lines where there are any") {
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
        const std::string kept = json::last_lines(each.output, json::largest_output);
        CHECK(kept == each.kept);
        CHECK(json::last_lines(kept, json::largest_output) == kept);
    }
}

TEST_CASE("the first line and the last lines of an output") {
    struct row {
        std::string_view name;
        std::string output;
        std::string kept;
    };
    const std::string x(100, 'x');
    const row rows[] = {
        {"empty", "", ""},
        {"what fits is left as it is", "one\ntwo\n", "one\ntwo"},
        {"a first line, and the last that fits", "one\n" + x + "\nlast\n", "one\n...\nlast"},
        {"as many of the last as fit", "one\n" + x + "\ntwo\nthree\nfour", "one\n...\ntwo\nthree\nfour"},
        {"a long first line is cut", x + "\nlast", std::string(7, 'x') + "...\n...\nlast"},
        {"one long line", x, std::string(7, 'x') + "...\n...\n" + std::string(15, 'x')},
        {"the first line is made harmless", "a\x1B[2J\xFF\n" + x + "\nlast", "a [2J\xEF\xBF\xBD\n...\nlast"},
        {"nothing but ends of lines", std::string(100, '\n') + "  ", ""},
        {"ends of lines behind what fits", "one" + std::string(100, '\n'), "one"},
        {"no first line", "\n" + x + "\nlast", "\n...\nlast"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const std::string kept = json::first_and_last_lines(each.output, 30);
        CHECK(kept == each.kept);
        CHECK(kept.size() <= 30);
        CHECK(json::first_and_last_lines(kept, 30) == kept);
    }
    // A limit so small that nothing of the end fits.
    CHECK(json::first_and_last_lines("one\n" + x, 9).size() <= 9);
}

TEST_CASE("every text that is not UTF-8 is made so") {
    journal from = full_journal();
    from.service = "we\xFF";
    from.silent[0].check_id = "\xFF";
    from.incidents[0].held = "caf\xE9";
    from.incidents[0].checks[0].check_id = "\xED\xA0\x80";
    from.ledgers[0].key = "\xC3";
    from.attempts[0].output = "a\xFFz";
    const auto read = read_back(from);
    CHECK(read.service == "we\xEF\xBF\xBD");
    CHECK(read.silent[0].check_id == "\xEF\xBF\xBD");
    CHECK(read.incidents[0].held == "caf\xEF\xBF\xBD");
    CHECK(read.incidents[0].checks[0].check_id == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    CHECK(read.ledgers[0].key == "\xEF\xBF\xBD");
    CHECK(read.attempts[0].output == "a\xEF\xBF\xBDz");
}

TEST_CASE("a damaged journal is refused, never half read") {
    struct row {
        std::string_view name;
        std::string text;
    };
    const std::string sound = sealed(std::string{full_text});
    const row rows[] = {
        {"empty", ""},
        {"no object", "[]\n"},
        {"a NUL byte behind it", sound + '\0'},
        {"a second one behind it", sound + sound},
        {"no service", replaced(R"("service":"web",)", "")},
        {"service is no text", replaced(R"("service":"web")", R"("service":1)")},
        {"no time since when it is well", replaced(R"("well":1704067300123,)", "")},
        {"a form that is to come", replaced(R"("journal":2)", R"("journal":3)")},
        {"the form as text", replaced(R"("journal":2)", R"("journal":"2")")},
        {"incidents are no list", replaced("\"ledgers\":[\n", "\"ledgers\":{},\"x\":[\n")},
        {"an incident is no object", replaced(R"({"id":"b",)", R"(1,{"id":"b",)")},
        {"no id", replaced(R"("id":"b",)", "")},
        {"an empty id", replaced(R"("id":"b")", R"("id":"")")},
        {"two with one id", replaced(R"("id":"b")", R"("id":"0123456789abcdef")")},
        {"no state", replaced(R"("state":"critical",)", "")},
        {"a state that there is not", replaced(R"("state":"critical")", R"("state":"passing")")},
        {"no word of how it ended", replaced(R"("how":"open",)", "")},
        {"an end that there is not", replaced(R"("how":"open")", R"("how":"lost")")},
        {"an outcome that there is not", replaced("not healed", "worse")},
        {"a notice that there is not", replaced(R"("owed":"none")", R"("owed":"critical")")},
        {"a list of checks is missing", replaced(R"(,"checks":[])", "")},
        {"no attempts, written", replaced(R"("attempts":2,"given_up":true,"backoff")", R"("attempts":0,"backoff")")},
        {"too many attempts", replaced(R"("attempts":2,)", R"("attempts":4294967297,)")},
        {"a negative time", replaced(R"("opened":5)", R"("opened":-5)")},
        {"a time with a fraction", replaced(R"("opened":5)", R"("opened":5.0)")},
        {"a time too large", replaced(R"("opened":5)", R"("opened":9223372036854775807)")},
        {"a time as text", replaced(R"("opened":5)", R"("opened":"5")")},
        {"a flag that is not set, written", replaced(R"("informs":true)", R"("informs":false)")},
        {"a flag as a number", replaced(R"("informs":true)", R"("informs":1)")},
        {"a negative pid", replaced(R"("pid":4711)", R"("pid":-1)")},
        {"the mark of no process", replaced(R"("pid":4711,)", "")},
        {"a status too large", replaced(R"("status":3)", R"("status":4294967299)")},
        {"a member that there is not", replaced(R"("opened":5)", R"("opened":5,"x":1)")},
        {"a member twice", replaced(R"("opened":5)", R"("opened":5,"opened":5)")},
        {"other blanks", replaced(R"("opened":5)", R"("opened": 5)")},
        {"another order", replaced(R"("id":"b","state":"critical")", R"("state":"critical","id":"b")")},
        {"not UTF-8", replaced("there is no trigger", "\xFF")},
        {"no sum", sound.substr(0, sound.rfind(",\"sum\"")) + "}\n"},
        {"another sum", std::string{full_text}},
        {"the first form with an empty id", replaced(R"("id":"b")", R"("id":"")", first_text)},
        {"the first form with two of one id", replaced(R"("id":"b")", R"("id":"0123456789abcdef")", first_text)},
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
    const std::string sound = sealed(std::string{full_text});
    for (std::size_t length = 0; length + 1 < sound.size(); ++length) {
        CAPTURE(length);
        CHECK_FALSE(json::decode_journal(sound.substr(0, length)));
    }
    for (std::size_t i = 0; i + 1 < sound.size(); ++i) {
        for (const char c : {'\0', '0', '1', '"', '}', 'x', '\xFF'}) {
            if (sound[i] == c) continue;
            std::string text = sound;
            text[i] = c;
            CAPTURE(i);
            CHECK_FALSE(json::decode_journal(text));
        }
    }
}

// --- the first form ---

TEST_CASE("a journal of the first form is read") {
    const auto read = json::decode_journal(first_text);
    REQUIRE(read);
    journal expected{.service = "web"};
    incident closed = full_incident();
    closed.how = closing::over;
    closed.checks = {{.service_id = "web-1", .check_id = "service:web-1:2", .modify_index = 77}};
    closed.further_checks = 0;
    closed.owed = notice::none;
    expected.incidents.push_back(closed);
    expected.incidents.push_back(
        {.id = "b", .node = "n", .opened = {5}, .checks = {{.service_id = "web", .check_id = "service:web"}}});
    attempt last = full_attempt();
    last.settle = {};
    last.settled = last.ended;
    last.informs = last.stops = false;
    expected.attempts.push_back(last);
    CHECK(*read == expected);
    CHECK(read_back(*read) == *read);
    CHECK(json::decode_journal(std::string{first_text} + "   \n"));
    CHECK_FALSE(json::decode_journal(std::string{first_text}.replace(30, 1, "x")));
    CHECK(first_form("") == journal{.service = "web"});
}

TEST_CASE("the first form's open incidents of a state become one, and their attempts one ledger for each trigger") {
    const auto old = [](std::string_view id, std::string_view members, std::string_view last = {}) {
        std::string text = R"({"id":")" + std::string{id} + R"(","node":"n","service_id":"s","check":"c)" +
                           std::string{id} + '"' + std::string{members};
        if (!last.empty()) text += R"(,"last":{)" + std::string{last} + '}';
        return text + '}';
    };
    const auto made =
        first_form(old("1", R"(,"state":"critical","opened":50,"attempts":3)",
                       R"("began":60,"ended":90,"trigger":"k","outcome":"ended","status":1)") +
                   ",\n" +
                   old("2", R"(,"state":"critical","opened":40,"attempts":5,"given_up":true)",
                       R"("began":61,"ended":80,"trigger":"k","outcome":"not healed")") +
                   ",\n" + old("3", R"(,"state":"critical","opened":55)") + ",\n" +
                   old("4", R"(,"state":"warning","opened":56,"attempts":1)",
                       R"("began":59,"trigger":"w","outcome":"unfinished","pid":7,"process_began":8,"boot":"b")") +
                   ",\n" +
                   old("5", R"(,"state":"critical","opened":10,"closed":20,"attempts":1)",
                       R"("began":11,"ended":12,"trigger":"k","outcome":"healed","status":0)"));
    REQUIRE(made.incidents.size() == 3);
    const incident& one = made.incidents[0];
    CHECK(one.id == "1");
    CHECK(one.opened == milliseconds{40});
    CHECK(one.attempts == 5);
    CHECK(one.given_up);
    CHECK(one.key == "k");
    REQUIRE(one.checks.size() == 3);
    CHECK(one.checks[0].check_id == "c1");
    CHECK(one.checks[2].check_id == "c3");
    CHECK(made.incidents[1].state == bad_state::warning);
    CHECK(made.incidents[2].how == closing::healed);
    CHECK(made.ledgers == std::vector<ledger>{{.key = "k", .attempts = 5, .given_up = true, .ended = {90}},
                                              {.key = "w", .attempts = 1, .ended = {59}}});
    REQUIRE(made.attempts.size() == 4);
    CHECK(made.attempts[0].began == milliseconds{11});
    CHECK(made.attempts[0].incident == "5");
    CHECK(made.attempts[0].result == healing::healed);
    CHECK(made.attempts[1].process == process_mark{7, 8, "b"});
    CHECK(made.attempts[1].ended == milliseconds{});
    CHECK(made.attempts[1].settled == milliseconds{});
    CHECK(made.attempts[2].settled == milliseconds{90});
    CHECK(made.attempts[2].incident == "1");
    CHECK(made.attempts[2].number == 3);
    CHECK(made.attempts[3].incident == "1");
    std::string many;
    for (int i = 0; i < 40; ++i) {
        many += (i == 0 ? "" : ",\n") + old(std::to_string(i), R"(,"state":"critical","opened":5)");
    }
    CHECK(first_form(many).incidents.front().checks.size() == most_checks);
    CHECK(first_form(many).incidents.front().further_checks == 40 - most_checks);
}
