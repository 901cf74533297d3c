#include "incidents.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/adapters/posix/log_line.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/heal/journal.hpp>
#include <powerconsul/heal/rules.hpp>
#include <powerconsul/json/writer.hpp>

#include "stop_file.hpp"

namespace powerconsul::cli {

namespace {

struct known_service {
    journal value{};
    std::string note{};
};

[[nodiscard]] auto seconds_text(milliseconds time) -> std::string {
    if (time.count < 10'000) return std::to_string(time.count) + " ms";
    if (time.count < 600'000) return std::to_string(time.count / 1000) + " s";
    return std::to_string(time.count / 60'000) + " min";
}

/// `not healed (exit status 1 after 120 ms)`
[[nodiscard]] auto outcome_text(const incident& one) -> std::string {
    if (one.attempts == 0) return "no attempt";
    std::string text{to_string(one.last.result)};
    const std::string time = " after " + seconds_text(one.last.ended - one.last.began);
    if (one.last.status >= 0) text += " (exit status " + std::to_string(one.last.status) + time + ')';
    if (one.last.signal != 0) text += " (signal " + std::to_string(one.last.signal) + time + ')';
    if (one.last.result == healing::timed_out) text += " (" + seconds_text(one.last.ended - one.last.began) + ')';
    return text;
}

[[nodiscard]] auto next_text(const incident& one, const retry_rules& rules, milliseconds now) -> std::string {
    if (!one.is_open()) return "closed " + utc_time(one.closed);
    if (one.given_up) return "given up; powerconsul incidents ack re-arms it";
    const auto due = next_attempt(one, rules);
    std::string text = "next attempt ";
    text +=
        !due || *due <= now ? "with the next run of the watch" : "in " + seconds_text(*due - now) + " at the soonest";
    if (!one.held.empty()) text += "; held: " + one_line(one.held, 500);
    return text;
}

void print_text(const journal& from, const incident& one, const configuration& chosen, milliseconds now,
                std::string& out) {
    out += from.service + "  " + one.check_id + "  " + std::string{to_string(one.state)} + "  " +
           (one.is_open() ? "open" : "closed") + "  " + one.id + '\n';
    const auto row = [&](std::string_view name, const std::string& text) {
        std::string padded{name};
        padded.resize(10, ' ');
        out += "    " + padded + text + '\n';
    };
    row("since", utc_time(one.opened));
    row("attempts", std::to_string(one.attempts) + " of " + std::to_string(chosen.watch.retry.attempts));
    row("last", outcome_text(one));
    row("next", next_text(one, chosen.watch.retry, now));
    for (std::string_view rest = one.last.output; !rest.empty();) {
        out += "    | " + one_line(next_part(rest, '\n'), 500) + '\n';
    }
}

void write_json(json::writer& line, const journal& from, const incident& one, const configuration& chosen) {
    line.open_object();
    line.key("id").string(one.id);
    line.key("service").string(from.service);
    line.key("check").string(one.check_id);
    line.key("service_id").string(one.service_id);
    line.key("node").string(one.node);
    line.key("state").string(to_string(one.state));
    line.key("open").boolean(one.is_open());
    line.key("since").string(utc_time(one.opened));
    if (!one.is_open()) line.key("closed").string(utc_time(one.closed));
    line.key("attempts").number(std::uint64_t{one.attempts});
    line.key("given_up").boolean(one.given_up);
    if (!one.held.empty()) line.key("held").string(one_line(one.held, 1000));
    if (const auto due = next_attempt(one, chosen.watch.retry)) line.key("next").string(utc_time(*due));
    if (one.attempts != 0) {
        line.key("last").open_object();
        line.key("began").string(utc_time(one.last.began));
        line.key("outcome").string(to_string(one.last.result));
        line.key("trigger").string(one.last.key);
        if (one.last.ended.count != 0) line.key("duration_ms").number((one.last.ended - one.last.began).count);
        if (one.last.status >= 0) line.key("status").number(std::int64_t{one.last.status});
        if (one.last.signal != 0) line.key("signal").number(std::int64_t{one.last.signal});
        line.key("output").string(one.last.output);
        line.close_object();
    }
    line.close_object();
}

[[nodiscard]] auto acknowledge(const config::arguments& line, const configuration& chosen, std::string& out,
                               std::string& err) -> result<exit_code> {
    if (line.operands.empty()) {
        return fail(errc::usage, "the service is missing: powerconsul incidents ack <service>");
    }
    const std::string& service = line.operands.front();
    if (auto valid = validate_segment("the Consul service name", service); !valid) return unexpected{valid.error()};
    posix_files files;
    journal_directory<posix_files&> journals{files, chosen.state_dir};
    auto known = journals.services();
    if (!known) return unexpected{known.error()};
    if (std::ranges::find(*known, service) == known->end()) {
        return fail(errc::bad_data, "there are no incidents of " + quoted(service) + "; see powerconsul incidents");
    }
    const auto lock = journals.lock(service, chosen.timeout);
    if (!lock && lock.error().code == errc::timed_out) {
        err += "powerconsul: " + one_line(lock.error().message, 1000) + "; try again when its trigger has ended\n";
        return exit_code::try_again;
    }
    if (!lock) return unexpected{lock.error()};
    auto loaded = journals.load(service);
    if (!loaded) return unexpected{loaded.error()};
    const std::size_t count = rearm(loaded->value);
    if (count == 0) return fail(errc::bad_data, "no open incident of " + quoted(service) + " was given up");
    if (auto saved = journals.save(loaded->value); !saved) return unexpected{saved.error()};
    out += service + ": " + std::to_string(count) + (count == 1 ? " incident is" : " incidents are") +
           " tried again with the next run of the watch\n";
    return exit_code::done;
}

}  // namespace

auto run_incidents(const config::arguments& line, const configuration& chosen, std::string& out, std::string& err)
    -> result<exit_code> {
    if (line.words.subject == "ack") return acknowledge(line, chosen, out, err);
    posix_files files;
    journal_directory<posix_files&> journals{files, chosen.state_dir};
    auto names = journals.services();
    if (!names) return unexpected{names.error()};
    std::vector<known_service> all;
    for (const auto& each : *names) {
        auto loaded = journals.load(each);
        if (!loaded) return unexpected{loaded.error()};
        all.push_back({std::move(loaded->value), std::move(loaded->note)});
    }
    const std::string stopped = stop_reason(chosen.stop_file);
    const milliseconds now = posix_clock{}.wall();
    std::size_t count = 0;
    if (line.has("json") || chosen.format == output_format::json) {
        json::writer text;
        text.open_object();
        if (!stopped.empty()) text.key("stopped").string(stopped);
        text.key("incidents").open_array();
        for (const auto& each : all) {
            for (const auto& one : each.value.incidents) write_json(text, each.value, one, chosen);
        }
        text.close_array();
        text.key("notes").open_array();
        for (const auto& each : all) {
            if (!each.note.empty()) text.string(one_line(each.note, 1000));
        }
        text.close_array();
        text.close_object();
        out += text.text() + '\n';
        return exit_code::done;
    }
    if (!stopped.empty()) out += "nothing acts: " + stopped + '\n';
    for (const bool open : {true, false}) {
        for (const auto& each : all) {
            for (const auto& one : each.value.incidents) {
                if (one.is_open() != open) continue;
                print_text(each.value, one, chosen, now, out);
                ++count;
            }
        }
    }
    for (const auto& each : all) {
        if (!each.note.empty()) out += "note: " + one_line(each.note, 1000) + '\n';
    }
    if (count == 0) out += "no incidents\n";
    return exit_code::done;
}

}  // namespace powerconsul::cli
