#pragma once

#include <set>

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

/// At most `limit` bytes: an output's first line and its last lines.
[[nodiscard]] inline auto first_and_last_lines(std::string_view text, std::size_t limit) -> std::string {
    text = text.substr(0, text.find_last_not_of(" \n") + 1);
    if (text.size() <= limit) return last_lines(text, limit);
    const std::string first = one_line(text.substr(0, text.find('\n')), limit / 3);
    return first + "\n...\n" + last_lines(text, limit - std::min(limit, first.size() + 5));
}

namespace detail {

// The members of each, in their order in the text.

void attempt_members(auto io, auto& one) {
    io.text("incident", one.incident, false);
    io.text("trigger", one.key);
    io.number("number", one.number);
    io.flag("informs", one.informs);
    io.flag("stops", one.stops);
    io.number("began", one.began.count);
    io.number("may_run", one.may_run.count);
    io.number("ended", one.ended.count);
    io.number("settle", one.settle.count);
    io.number("settled", one.settled.count);
    io.number("pid", one.process.pid);
    if (one.process.pid > 0) {
        io.number("process_began", one.process.began, -1);
        io.text("boot", one.process.boot);
    }
    io.name("outcome", one.result, healing::timed_out);
    io.number("status", one.status, -1);
    io.number("signal", one.signal);
    io.text("output", one.output, false);
}

void ledger_members(auto io, auto& one) {
    io.text("trigger", one.key);
    io.number("attempts", one.attempts);
    io.flag("given_up", one.given_up);
    io.number("backoff", one.backoff.count);
    io.number("ended", one.ended.count);
    io.number("modify_index", one.modify_index);
}

void check_members(auto io, auto& one) {
    io.text("service_id", one.service_id);
    io.text("check", one.check_id);
    io.flag("bad", one.bad);
    io.number("changed", one.changed.count);
    io.number("face", one.face);
    io.number("modify_index", one.modify_index);
}

void silent_members(auto io, auto& one) {
    io.text("check", one.check_id);
    io.number("since", one.since.count);
}

/// Without the checks.
void incident_members(auto io, auto& one) {
    io.text("id", one.id);
    io.name("state", one.state, bad_state::critical);
    io.text("node", one.node);
    io.number("opened", one.opened.count);
    io.number("closed", one.closed.count);
    io.name("how", one.how, closing::left);
    io.number("further_checks", one.further_checks);
    io.number("attempts", one.attempts);
    io.flag("given_up", one.given_up);
    io.name("owed", one.owed, notice::given_up);
    io.number("looked", one.looked.count);
    io.text("held", one.held, false);
    io.text("trigger", one.key, false);
}

/// A list with one line for each entry, so that a person can read it too.
template <typename T>
[[nodiscard]] auto lines_of(const std::vector<T>& entries, auto write) -> std::string {
    std::string text = "[";
    for (const auto& each : entries) {
        writer line;
        line.open_object();
        write(line, each);
        text += (text.size() == 1 ? "\n" : ",\n") + line.close_object().text();
    }
    return text + (entries.empty() ? "]" : "\n]");
}

template <typename T>
void read_list(const value& root, std::string_view name, std::vector<T>& into, auto read) {
    const value* const list = root.find(name);
    if (list == nullptr) return;
    for (const auto& each : list->items) read(each, into.emplace_back());
}

/// Whether the sum at the end of a text is that of all before it.
[[nodiscard]] inline auto has_sound_sum(std::string_view text) -> bool {
    constexpr std::string_view mark = ",\"sum\":\"";
    const auto at = text.rfind(mark);
    if (at == std::string_view::npos) return false;
    return text.substr(at + mark.size()) == ascii::hexadecimal(fnv1a(text.substr(0, at))) + "\"}";
}

/// Most of a journal is padding: it is passed over in blocks, where find_last_not_of() would call memchr() for each
/// byte.
[[nodiscard]] inline auto without_padding(std::string_view text) -> std::string_view {
    constexpr std::string_view block = "                                                                ";
    while (text.ends_with(' ') || text.ends_with('\n')) {
        text.remove_suffix(1);
        while (text.ends_with(block)) text.remove_suffix(block.size());
    }
    return text;
}

/// Reads what was written before attempts were counted by trigger: an incident for each check, with its attempts and
/// the last of them. The open incidents of a state become one, and attempts of a trigger are taken together.
[[nodiscard]] inline auto decode_first_form(const value& root) -> journal {
    journal made;
    member_reader{root}.text("service", made.service);
    read_list(root, "incidents", made.incidents, [&](const value& each, incident& one) {
        member_reader from{each};
        incident_members(from, one);
        check_members(from, one.checks.emplace_back());
        one.how = one.is_open() ? closing::open : closing::over;
        const value* const last = each.find("last");
        if (last == nullptr || one.attempts == 0) return;
        attempt& how = made.attempts.emplace_back();
        attempt_members(member_reader{*last}, how);
        how.incident = one.id;
        how.number = one.attempts;
        how.settled = how.ended;
        one.key = how.key;
        if (!one.is_open() && how.result == healing::healed) one.how = closing::healed;
        if (!one.is_open()) return;
        auto row = algo::find(made.ledgers, how.key, &ledger::key);
        if (row == made.ledgers.end()) row = made.ledgers.insert(row, ledger{.key = how.key});
        row->attempts = std::max(row->attempts, one.attempts);
        row->given_up = row->given_up || one.given_up;
        row->ended = std::max({row->ended, how.began, how.ended});
    });
    algo::stable_sort(made.attempts, {}, &attempt::began);
    return made;
}

/// Makes one of all open incidents of a state, the first of them.
inline void join_open_incidents(journal& all) {
    std::vector<incident> joined;
    for (auto& one : all.incidents) {
        const auto same =
            algo::find_if(joined, [&](const incident& known) { return known.is_open() && known.state == one.state; });
        if (!one.is_open() || same == joined.end()) {
            joined.push_back(std::move(one));
            continue;
        }
        same->opened = shorter(same->opened, one.opened);
        same->attempts = std::max(same->attempts, one.attempts);
        same->given_up = same->given_up || one.given_up;
        if (same->key.empty()) same->key = one.key;
        for (auto& each : one.checks) {
            if (same->checks.size() < most_checks) {
                same->checks.push_back(std::move(each));
            } else {
                ++same->further_checks;
            }
        }
        for (auto& each : all.attempts) {
            if (each.incident == one.id) each.incident = same->id;
        }
    }
    all.incidents = std::move(joined);
}

[[nodiscard]] inline auto decode_second_form(const value& root) -> journal {
    journal made;
    member_reader head{root};
    head.text("service", made.service);
    head.number("well", made.well.count);
    head.number("dropped", made.dropped);
    const auto plain = [](auto list_members) {
        return [list_members](const value& each, auto& one) { list_members(member_reader{each}, one); };
    };
    read_list(root, "silent", made.silent, plain([](auto io, auto& one) { silent_members(io, one); }));
    read_list(root, "incidents", made.incidents, [&](const value& each, incident& one) {
        incident_members(member_reader{each}, one);
        read_list(each, "checks", one.checks, plain([](auto io, auto& check) { check_members(io, check); }));
    });
    read_list(root, "ledgers", made.ledgers, plain([](auto io, auto& one) { ledger_members(io, one); }));
    read_list(root, "attempts", made.attempts, plain([](auto io, auto& one) { attempt_members(io, one); }));
    return made;
}

}  // namespace detail

/// Bytes that are not UTF-8 become U+FFFD, and members with default values are left out. The sum at the end is FNV-1a
/// of all before it: a digit changed on disk could make a journal forget attempts.
[[nodiscard]] inline auto encode_journal(const journal& from) -> std::string {
    writer head;
    head.string(sound_text(from.service));
    std::string text = "{\"journal\":2,\"service\":" + head.text() + ",\"well\":" + std::to_string(from.well.count) +
                       ",\"dropped\":" + std::to_string(from.dropped);
    const auto members = [](auto list_members) {
        return [list_members](writer& line, const auto& each) { list_members(member_writer{line}, each); };
    };
    text += ",\"silent\":" +
            detail::lines_of(from.silent, members([](auto io, auto& one) { detail::silent_members(io, one); }));
    text += ",\"incidents\":" + detail::lines_of(from.incidents, [&](writer& line, const incident& one) {
                detail::incident_members(member_writer{line}, one);
                line.key("checks").open_array();
                for (const auto& each : one.checks) {
                    line.open_object();
                    detail::check_members(member_writer{line}, each);
                    line.close_object();
                }
                line.close_array();
            });
    text += ",\"ledgers\":" +
            detail::lines_of(from.ledgers, members([](auto io, auto& one) { detail::ledger_members(io, one); }));
    text += ",\"attempts\":" +
            detail::lines_of(from.attempts, members([](auto io, auto& one) { detail::attempt_members(io, one); }));
    return text + ",\"sum\":\"" + ascii::hexadecimal(fnv1a(text)) + "\"}\n";
}

/// Reads what encode_journal() has written, with any number of blanks and ends of lines behind it, and journals of the
/// first form. Fails with errc::bad_data on anything else.
[[nodiscard]] inline auto decode_journal(std::string_view text) -> result<journal> {
    text = detail::without_padding(text);
    const auto root = parse(text, {.depth = 8, .values = 20'000});
    if (!root) return unexpected{root.error()};
    const auto damaged = [] { return fail(errc::bad_data, "the journal is damaged"); };
    if (!detail::has_sound_sum(text)) return damaged();
    const bool first_form = root->find("journal") == nullptr;
    journal made = first_form ? detail::decode_first_form(*root) : detail::decode_second_form(*root);
    std::set<std::string> ids;
    for (const auto& each : made.incidents) {
        if (each.id.empty() || !ids.insert(each.id).second) return damaged();
    }
    if (first_form) {
        detail::join_open_incidents(made);
    } else if (detail::without_padding(encode_journal(made)) != text) {
        return damaged();
    }
    return made;
}

}  // namespace powerconsul::inline v0::json
