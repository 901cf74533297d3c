#pragma once

#include <map>

#include <powerconsul/heal/watch.hpp>

/// What is kept of incidents, for a person or as JSON. Text from others is made harmless for a terminal.
namespace powerconsul::inline v0::heal {

struct incidents_view {
    milliseconds now{};     ///< wall clock
    milliseconds since{};   ///< incidents that ended before are left out
    bool verbose{};         ///< each attempt, with its output
    std::string stopped{};  ///< why nothing acts on this node; empty if triggers may run
    retry_rules retry{};
};

namespace detail {

/// `3 min`, in the largest unit that leaves a number of at least 2.
[[nodiscard]] inline auto rough_time(milliseconds time) -> std::string {
    constexpr std::pair<std::int64_t, std::string_view> units[]{
        {86'400'000, " d"}, {3'600'000, " h"}, {60'000, " min"}, {1000, " s"}};
    for (const auto& [size, name] : units) {
        if (time.count >= 2 * size) return std::to_string(time.count / size) + std::string{name};
    }
    return std::to_string(std::max<std::int64_t>(time.count, 0)) + " ms";
}

[[nodiscard]] inline auto count_of(std::uint64_t count, std::string_view noun) -> std::string {
    return std::to_string(count) + ' ' + std::string{noun} + (count == 1 ? "" : "s");
}

/// `healed, exit status 0 after 120 ms`
[[nodiscard]] inline auto outcome_of(const attempt& one) -> std::string {
    std::string text{to_string(one.result)};
    const std::string time = rough_time(one.ended - one.began);
    if (one.result == healing::unfinished) return "it runs";
    if (one.result == healing::failed_to_run) return text;
    if (one.status >= 0) return text + ", exit status " + std::to_string(one.status) + " after " + time;
    if (one.signal != 0) return text + ", signal " + std::to_string(one.signal) + " after " + time;
    return text + (one.result == healing::timed_out ? " after " + time : ", its exit status is not known");
}

/// When the trigger that was last found for an open incident may run again; nothing if that is now or never.
[[nodiscard]] inline auto due(const journal& from, const incident& one, const retry_rules& rules)
    -> std::optional<milliseconds> {
    const auto row = algo::find(from.ledgers, one.key, &ledger::key);
    if (!one.is_open() || row == from.ledgers.end() || row->given_up) return std::nullopt;
    return next_attempt(*row, rules);
}

/// The incident's last attempt; nullptr if there was none, or it is not kept.
[[nodiscard]] inline auto last_of(const journal& from, const incident& about) -> const attempt* {
    const auto last = std::find_if(from.attempts.rbegin(), from.attempts.rend(),
                                   [&](const attempt& each) { return each.incident == about.id && !each.informs; });
    return last == from.attempts.rend() ? nullptr : &*last;
}

[[nodiscard]] inline auto incident_line(const journal& from, const incident& one, const incidents_view& how)
    -> std::string {
    std::string text = one_line(from.service, 200) + ' ' + std::string{to_string(one.state)} + ": ";
    if (!one.is_open()) {
        const std::string after = " after " + rough_time(one.closed - one.opened);
        switch (one.how) {
            case closing::healed: text += "healed" + after; break;
            case closing::gone: text += "its checks were removed" + after; break;
            case closing::left: text += "in another bad state" + after; break;
            case closing::open:
            case closing::over: text += "over by itself" + after; break;
        }
    } else {
        text += one.given_up ? "given up" : "open";
    }
    text += ", " + (one.attempts == 0 ? "no attempt" : count_of(one.attempts, "attempt"));
    if (const attempt* const last = last_of(from, one); one.is_open() && last != nullptr) {
        text += ", the last one: " + outcome_of(*last);
    }
    if (!one.held.empty()) text += "; " + one_line(one.held, 500);
    if (one.given_up)
        return text + "; see to it by hand, then: powerconsul incidents ack " + one_line(from.service, 200);
    if (const auto at = due(from, one, how.retry); at && *at > how.now) {
        text += "; next attempt in " + rough_time(*at - how.now) + " at the soonest";
    }
    return text;
}

/// Each incident with its journal, the newest first.
[[nodiscard]] inline auto newest_first(const std::vector<loaded_journal>& all, const incidents_view& how)
    -> std::vector<std::pair<const journal*, const incident*>> {
    std::vector<std::pair<const journal*, const incident*>> found;
    for (const auto& each : all) {
        for (const auto& one : each.value.incidents) {
            if (one.is_open() || one.closed >= how.since) found.emplace_back(&each.value, &one);
        }
    }
    algo::stable_sort(found, [](const auto& a, const auto& b) { return a.second->opened > b.second->opened; });
    return found;
}

inline void write_attempt(json::writer& line, const attempt& one) {
    line.open_object();
    line.key("key").string(one.key);
    line.key("number").number(std::uint64_t{one.number});
    line.key("began").string(utc_time(one.began));
    line.key("outcome").string(to_string(one.result));
    if (one.ended.count != 0) line.key("duration_ms").number((one.ended - one.began).count);
    if (one.settled.count != 0 && one.result == healing::healed) {
        line.key("healed_after_ms").number((one.settled - one.began).count);
    }
    if (one.status >= 0) line.key("status").number(std::int64_t{one.status});
    if (one.signal != 0) line.key("signal").number(std::int64_t{one.signal});
    if (one.informs) line.key("informs").boolean(true);
    line.key("output").string(one.output);
    line.close_object();
}

inline void write_incident(json::writer& line, const journal& from, const incident& one, const incidents_view& how) {
    line.open_object();
    line.key("id").string(one.id);
    line.key("service").string(from.service);
    line.key("node").string(one.node);
    line.key("state").string(to_string(one.state));
    line.key("open").boolean(one.is_open());
    line.key("since").string(utc_time(one.opened));
    if (!one.is_open()) line.key("closed").string(utc_time(one.closed));
    line.key("how").string(to_string(one.how));
    line.key("checks").open_array();
    for (const auto& each : one.checks) line.string(each.check_id);
    line.close_array();
    if (one.further_checks != 0) line.key("further_checks").number(one.further_checks);
    line.key("attempts").number(std::uint64_t{one.attempts});
    if (const attempt* const last = last_of(from, one)) line.key("outcome").string(to_string(last->result));
    line.key("given_up").boolean(one.given_up);
    if (!one.key.empty()) line.key("trigger").string(one.key);
    if (!one.held.empty()) line.key("held").string(one_line(one.held, 1000));
    if (const auto at = due(from, one, how.retry)) line.key("next").string(utc_time(*at));
    if (how.verbose) {
        line.key("tried").open_array();
        for (const auto& each : from.attempts) {
            if (each.incident == one.id) write_attempt(line, each);
        }
        line.close_array();
    }
    line.close_object();
}

/// What one trigger has done to heal, as far as it is kept.
struct trigger_record {
    std::uint64_t runs{};
    std::uint64_t healed{};
    std::vector<milliseconds> times{};  ///< from the beginning of an attempt until the service was seen to be well
    bool given_up{};

    [[nodiscard]] auto median() -> std::optional<milliseconds> {
        if (times.empty()) return std::nullopt;
        algo::sort(times);
        return times[(times.size() - 1) / 2];
    }
};

[[nodiscard]] inline auto records(const std::vector<loaded_journal>& all, milliseconds since)
    -> std::map<std::string, trigger_record> {
    std::map<std::string, trigger_record> found;
    for (const auto& each : all) {
        for (const auto& one : each.value.attempts) {
            if (one.began < since || one.informs) continue;
            auto& of = found[one.key];
            ++of.runs;
            if (one.result != healing::healed) continue;
            ++of.healed;
            of.times.push_back(one.settled - one.began);
        }
        for (const auto& row : each.value.ledgers) {
            if (row.given_up) found[row.key].given_up = true;
        }
    }
    return found;
}

[[nodiscard]] inline auto notes_text(const std::vector<loaded_journal>& all, const incidents_view& how) -> std::string {
    std::string text;
    if (!how.stopped.empty()) text += "nothing acts: " + how.stopped + '\n';
    for (const auto& each : all) {
        if (!each.note.empty()) text += "note: " + one_line(each.note, 1000) + '\n';
    }
    return text;
}

inline void write_notes(json::writer& line, const std::vector<loaded_journal>& all, const incidents_view& how) {
    if (!how.stopped.empty()) line.key("stopped").string(how.stopped);
    line.key("notes").open_array();
    for (const auto& each : all) {
        if (!each.note.empty()) line.string(one_line(each.note, 1000));
    }
    line.close_array();
}

}  // namespace detail

/// A line for each incident, the newest first. `local` makes a text of a wall clock time.
template <typename Local>
[[nodiscard]] auto incidents_text(const std::vector<loaded_journal>& all, const incidents_view& how, Local local)
    -> std::string {
    std::string text;
    for (const auto& [from, one] : detail::newest_first(all, how)) {
        text += local(one->opened) + " (" + detail::rough_time(how.now - one->opened) + " ago) " +
                detail::incident_line(*from, *one, how) + '\n';
        if (!how.verbose) continue;
        for (const auto& each : one->checks) text += "    check " + one_line(each.check_id, 200) + '\n';
        if (one->further_checks != 0) text += "    " + detail::count_of(one->further_checks, "further check") + '\n';
        for (const auto& each : from->attempts) {
            if (each.incident != one->id) continue;
            text += "    " + local(each.began) + ' ' + one_line(each.key, 500) +
                    (each.informs ? ": " : " attempt " + std::to_string(each.number) + ": ") +
                    detail::outcome_of(each) + '\n';
            for (std::string_view rest = each.output; !rest.empty();) {
                text += "      | " + one_line(next_part(rest, '\n'), 500) + '\n';
            }
        }
    }
    return detail::notes_text(all, how) + (text.empty() ? "no incidents\n" : text);
}

/// All incidents as one line of JSON, the newest first, with the ledgers of their triggers.
[[nodiscard]] inline auto incidents_json(const std::vector<loaded_journal>& all, const incidents_view& how)
    -> std::string {
    json::writer line;
    line.open_object();
    line.key("incidents").open_array();
    for (const auto& [from, one] : detail::newest_first(all, how)) detail::write_incident(line, *from, *one, how);
    line.close_array();
    line.key("ledgers").open_array();
    for (const auto& each : all) {
        for (const auto& row : each.value.ledgers) {
            line.open_object();
            line.key("service").string(each.value.service);
            line.key("trigger").string(row.key);
            line.key("attempts").number(std::uint64_t{row.attempts});
            line.key("given_up").boolean(row.given_up);
            if (!row.given_up) line.key("next").string(utc_time(next_attempt(row, how.retry)));
            line.close_object();
        }
    }
    line.close_array();
    detail::write_notes(line, all, how);
    line.close_object();
    return line.text() + '\n';
}

/// Which triggers heal: a row for each, with its runs since `how.since` as far as they are kept.
[[nodiscard]] inline auto statistics_text(const std::vector<loaded_journal>& all, const incidents_view& how)
    -> std::string {
    auto found = detail::records(all, how.since);
    std::size_t width = std::string_view{"trigger"}.size();
    for (const auto& [key, of] : found) width = std::max(width, one_line(key, 300).size());
    const auto cell = [](std::string text, std::size_t size) {
        return std::string(size - std::min(size, text.size()), ' ') + text;
    };
    const auto row = [&](std::string key, const std::string& runs, const std::string& healed, const std::string& median,
                         std::string_view given_up) {
        key.resize(std::max(width, key.size()), ' ');
        return key + cell(runs, 7) + cell(healed, 9) + cell(median, 16) + cell(std::string{given_up}, 10) + '\n';
    };
    if (found.empty()) return detail::notes_text(all, how) + "no trigger has run\n";
    std::string text = row("trigger", "runs", "healed", "median time", "given up");
    for (auto& [key, of] : found) {
        const auto median = of.median();
        text += row(one_line(key, 300), std::to_string(of.runs), std::to_string(of.healed),
                    median ? detail::rough_time(*median) : "-", of.given_up ? "yes" : "no");
    }
    return detail::notes_text(all, how) + text;
}

[[nodiscard]] inline auto statistics_json(const std::vector<loaded_journal>& all, const incidents_view& how)
    -> std::string {
    json::writer line;
    line.open_object();
    line.key("triggers").open_array();
    for (auto& [key, of] : detail::records(all, how.since)) {
        line.open_object();
        line.key("trigger").string(key);
        line.key("runs").number(of.runs);
        line.key("healed").number(of.healed);
        auto kept = of;
        if (const auto median = kept.median()) line.key("median_ms").number(median->count);
        line.key("given_up").boolean(of.given_up);
        line.close_object();
    }
    line.close_array();
    detail::write_notes(line, all, how);
    line.close_object();
    return line.text() + '\n';
}

/// Whether a trigger was given up that belongs to an open incident.
[[nodiscard]] inline auto any_given_up(const std::vector<loaded_journal>& all) -> bool {
    return algo::any_of(all, [](const loaded_journal& each) {
        return algo::any_of(each.value.incidents, [](const incident& one) { return one.is_open() && one.given_up; });
    });
}

}  // namespace powerconsul::inline v0::heal
