#pragma once

#include <powerconsul/heal/incident.hpp>
#include <powerconsul/json/members.hpp>

namespace powerconsul::inline v0::json {

inline constexpr std::size_t largest_output = 1024;  ///< bytes that are kept of an attempt's output

/// The last whole lines of an output without the blanks and ends of lines behind them, or the end of the last line if
/// it is too long: at most `limit` bytes of UTF-8.
[[nodiscard]] inline auto last_lines(std::string_view text, std::size_t limit) -> std::string {
    text = text.substr(0, text.find_last_not_of(" \n") + 1);
    // The end of a long text is enough: replacing invalid bytes never makes it shorter.
    if (text.size() > limit + 4) text.remove_prefix(text.size() - limit - 4);
    std::string sound = sound_text(text);
    std::string_view kept = sound;
    if (kept.size() <= limit) return sound;
    // What is kept begins with a whole line if the byte before it ended one.
    const bool whole = kept[kept.size() - limit - 1] == '\n';
    kept.remove_prefix(kept.size() - limit);
    const auto line = kept.find('\n');
    if (!whole && line != std::string_view::npos) kept.remove_prefix(line + 1);
    while (!kept.empty() && utf8_sequence(kept) == 0) kept.remove_prefix(1);
    return std::string{kept};
}

namespace detail {

/// The members of an attempt, in their order in the text.
void attempt_members(auto io, auto& one) {
    io.number("began", one.began.count);
    io.number("may_run", one.may_run.count);
    io.number("ended", one.ended.count);
    io.number("pid", one.process.pid);
    if (one.process.pid > 0) {
        io.number("process_began", one.process.began, -1);
        io.text("boot", one.process.boot);
    }
    io.text("trigger", one.key);
    io.name("outcome", one.result, healing::timed_out);
    io.number("status", one.status, -1);
    io.number("signal", one.signal);
    io.text("output", one.output, false);
}

/// The members of an incident, but for its last attempt.
void incident_members(auto io, auto& one) {
    io.text("id", one.id);
    io.name("state", one.state, bad_state::critical);
    io.text("node", one.node);
    io.text("service_id", one.service_id);
    io.text("check", one.check_id);
    io.number("create_index", one.create_index);
    io.number("modify_index", one.modify_index);
    io.number("opened", one.opened.count);
    io.number("closed", one.closed.count);
    io.flag("silent", one.silent);
    io.flag("missed", one.missed);
    io.number("attempts", one.attempts);
    io.flag("given_up", one.given_up);
    io.number("looked", one.looked.count);
    io.text("held", one.held, false);
}

[[nodiscard]] inline auto incident_line(incident one) -> std::string {
    if (!one.is_open()) one.closed = std::max(one.closed, milliseconds{1});  // a time of 0 or less is left out
    one.last.output = last_lines(one.last.output, largest_output);
    writer line;
    line.open_object();
    incident_members(member_writer{line}, one);
    if (one.attempts != 0) {
        line.key("last").open_object();
        attempt_members(member_writer{line}, one.last);
        line.close_object();
    }
    return line.close_object().text();
}

}  // namespace detail

/// Writes one line for each incident, so that a person can read it too. Bytes that are not UTF-8 become U+FFFD, only
/// the end of an output is kept, and members with default values are left out, as is the last attempt if there was
/// none. The sum at the end is FNV-1a of all before it: a digit changed on disk could make a journal forget attempts.
[[nodiscard]] inline auto encode_journal(const journal& from) -> std::string {
    writer head;
    head.string(sound_text(from.service));
    std::string text = "{\"service\":" + head.text() + ",\"incidents\":[";
    for (const auto& one : from.incidents) text += (text.ends_with('[') ? "\n" : ",\n") + detail::incident_line(one);
    text += "\n]";
    return text + ",\"sum\":\"" + ascii::hexadecimal(fnv1a(text)) + "\"}\n";
}

/// Fails with errc::bad_data on anything that `encode_journal` would not have written.
[[nodiscard]] inline auto decode_journal(std::string_view text) -> result<journal> {
    const auto root = parse(text);
    if (!root) return unexpected{root.error()};
    journal made;
    member_reader{*root}.text("service", made.service);
    bool sound = true;
    if (const value* const incidents = root->find("incidents")) {
        for (const auto& each : incidents->items) {
            incident one;
            detail::incident_members(member_reader{each}, one);
            const value* const last = each.find("last");
            if (last != nullptr) detail::attempt_members(member_reader{*last}, one.last);
            sound = sound && !one.id.empty() && !one.check_id.empty() &&
                    std::ranges::find(made.incidents, one.id, &incident::id) == made.incidents.end();
            made.incidents.push_back(std::move(one));
        }
    }
    if (!sound || encode_journal(made) != text) return fail(errc::bad_data, "the journal is damaged");
    return made;
}

}  // namespace powerconsul::inline v0::json
