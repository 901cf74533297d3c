// covers: cluster/last_known.hpp adapters/posix/log_line.hpp ports/log.hpp checks/report_json.hpp json/writer.hpp
// checks/report.hpp checks/report_json.hpp core/text.hpp json/page.hpp
#include <powerconsul/checks/report_json.hpp>
#include <powerconsul/consul/check_output.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/adapters/posix/log_line.hpp>
#include <powerconsul/cluster/last_known.hpp>
#include <powerconsul/json/page.hpp>
#include <powerconsul/json/value.hpp>

#include "fuzz.hpp"

using namespace powerconsul;

namespace {

void record(std::string_view text) {
    const auto known = json::decode_last_known(text);
    if (!known) {
        return fuzz::expect(known.error().code == errc::bad_data && !known.error().message.empty(), "no reason", text);
    }
    fuzz::expect(json::encode_last_known(*known) == text, "half read", text);
    const bool active = known->own == role::primary || known->own == role::standalone;
    fuzz::expect(!active || known->expects == expectation::running, "an active that does not run", text);
}

void log_line(fuzz::choices& pick, fuzz::parts texts) {
    event what{.level = event_level{static_cast<unsigned char>(pick.of(4))}, .what = texts.next()};
    what.service = texts.next();
    what.state = texts.next();
    constexpr std::string_view names[] = {"output", "error", "check", "a name with = and \"", "note"};
    while (texts.more() && what.fields.size() < 40) {
        what.fields.emplace_back(names[what.fields.size() % 5], std::string{texts.next()});
    }
    constexpr std::int64_t times[] = {0, -1, 1'704'067'200'123, INT64_MAX, INT64_MIN, 253'402'300'799'999};
    const milliseconds wall{times[pick.of(6)]};
    const std::size_t limit = pick.yes() ? event_line_limit : least_event_line_limit;
    const std::string json_text = json_line(what, wall, limit);
    const std::string plain = logfmt_line(what, wall, limit);
    for (const auto* each : {&json_text, &plain}) {
        fuzz::expect(fuzz::is_one_line(*each) && is_utf8(*each) && each->size() <= limit, "no line of a log", *each);
    }
    const auto read = json::parse(json_text);
    fuzz::expect(read && read->is(json::kind::object), "no JSON", json_text);
    const std::size_t named = 3 + (what.service.empty() ? 0 : 1) + (what.state.empty() ? 0 : 1);
    fuzz::expect(read->names.size() == named + (what.fields.size() < 32 ? what.fields.size() : 32), "a member is lost",
                 json_text);
    fuzz::expect(read->names[0] == "time" && read->items[0].text.size() == 24, "no time", json_text);
}

void check_line(fuzz::choices& pick, fuzz::parts texts) {
    check_report report;
    report.subject.kind = texts.next();
    report.subject.name = texts.next();
    report.subject.title = texts.next();
    report.subject.key = texts.next();
    // An embedder's own names for what is checked are none of the line's other names.
    for (const std::string_view ours : {"type", "expects", "clustered", "state", "code", "role", "reason", "basis"}) {
        if (report.subject.kind == ours) report.subject.kind.clear();
        if (report.subject.key == ours) report.subject.key.clear();
    }
    report.why = texts.next();
    report.state = verdict{static_cast<unsigned char>(pick.of(4))};
    report.expects = expectation{static_cast<unsigned char>(pick.of(4))};
    report.seen = observation{static_cast<unsigned char>(pick.of(4))};
    report.own = role{static_cast<unsigned char>(pick.of(4))};
    report.clustered = clustering{static_cast<unsigned char>(pick.of(3))};
    report.from = basis{static_cast<unsigned char>(pick.of(3))};
    report.held = pick.yes();
    const unsigned members = pick.of(8);
    while (texts.more()) {
        if (report.subject.members.size() < members) {
            report.subject.members.emplace_back(texts.next());
        } else {
            report.details.emplace_back("pattern" + std::to_string(report.details.size()), texts.next());
        }
    }
    const std::string line = json::check_line(report, exit_status(report.state));
    fuzz::expect(fuzz::is_one_line(line) && is_utf8(line) && line.size() <= 3584, "no line for Consul", line);
    const auto read = json::parse(line);
    fuzz::expect(read && read->is(json::kind::object), "no JSON", line);
    const auto* const state = read->find("state");
    fuzz::expect(state != nullptr && state->text == to_string(report.state), "another state", line);
    fuzz::expect(is_unproven(line) == (report.state == verdict::unknown), "unproven is not unknown", line);
    const std::string plain = nagios_line(report);
    fuzz::expect(fuzz::is_one_line(plain) && is_utf8(plain) && plain.size() <= 3000, "no line for Nagios", plain);
    fuzz::expect(report.state == verdict::unknown || !is_unproven(plain), "known, and unproven", plain);
}

void page_of(fuzz::parts texts) {
    json::page shown;
    std::size_t rows = 0;
    for (; texts.more() && rows < 40; ++rows) {
        const std::string value{texts.next()};
        shown.fact("row", "m" + std::to_string(rows), json::sourced{value, std::string{texts.next()}});
    }
    const std::string text = shown.text();
    fuzz::expect(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) == rows && is_utf8(text),
                 "not a line for each row", text);
    const std::string object = std::move(shown).json();
    const auto read = json::parse(object);
    fuzz::expect(read && read->names.size() == rows, "a member is lost", object);
}

/// A choice of numbers, and texts.
void run(std::string_view bytes) {
    fuzz::parts script{bytes};
    const std::string_view numbers = script.next();
    record(script.rest());
    fuzz::choices for_log{numbers};
    log_line(for_log, script);
    fuzz::choices for_check{numbers};
    check_line(for_check, script);
    page_of(script);
}

const fuzz::enlisted here{"lines", run};

}  // namespace
