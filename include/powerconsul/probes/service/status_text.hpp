#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0 {

/// What the words of a status text claim. A text may claim several things at once, as when only one of two instances
/// runs.
struct status_words {
    bool running{};
    bool stopped{};
    bool unsure{};                    ///< "unknown", "unclear"
    bool failure{};                   ///< "cannot", "not found", "failed!": it did not get as far as looking
    bool usage{};                     ///< the text explains how to call the script
    std::vector<std::string> down{};  ///< the parts that do not run, as their lines name them
    std::string changing{};           ///< of an Upstart job that is being started or stopped: `start/pre-start`
};

namespace detail {

/// A word in lower case, apostrophes kept, and all signs before it.
struct word {
    std::string text{};
    std::string signs{};
};

/// Takes the next word and its signs off the text; both are empty at the end. Escape sequences that set colours are
/// skipped.
[[nodiscard]] inline auto next_word(std::string_view& text) -> word {
    word next;
    while (!text.empty()) {
        if (text.starts_with("\x1B[")) {
            std::size_t end = 2;
            while (end < text.size() && (text[end] < '@' || text[end] > '~')) ++end;
            text.remove_prefix(end < text.size() ? end + 1 : end);
            continue;
        }
        const char c = ascii::lower(text.front());
        const bool letter = ascii::is_alphanumeric(c) || (c == '\'' && !next.text.empty());
        if (!letter && !next.text.empty()) break;
        (letter ? next.text : next.signs) += c;
        text.remove_prefix(1);
    }
    return next;
}

/// The name that a line of a status begins with: `web` of ` * web: is running` and of `down: web: 3s`.
[[nodiscard]] inline auto part_name(std::string_view line) -> std::string {
    for (line = trimmed(line); !line.empty(); line = trimmed(line)) {
        std::string_view name = line.substr(0, line.find_first_of(" \t("));
        line.remove_prefix(std::max<std::size_t>(name.size(), 1));
        name = trimmed(name, ":*[]\"'");
        if (!name.empty() && !is_one_of(ascii::lower(name), {"run", "down", "ok", "fail", "the"})) {
            return one_line(name, 60);
        }
    }
    return {};
}

/// Whether the name stands in the line as a word of its own.
[[nodiscard]] inline auto names_part(std::string_view line, std::string_view name) -> bool {
    const auto inside = [](char c) {
        return ascii::is_alphanumeric(c) || is_one_of(std::string_view{&c, 1}, {"-", "_", "@"});
    };
    for (std::size_t at = line.find(name); at != std::string_view::npos; at = line.find(name, at + 1)) {
        const std::size_t end = at + name.size();
        if ((at == 0 || !inside(line[at - 1])) && (end == line.size() || !inside(line[end]))) return true;
    }
    return false;
}

/// What a line says of an Upstart job: `web (instance) start/running, process 123`.
struct upstart_job {
    std::string_view name{};   ///< with its instance
    std::string_view shown{};  ///< goal and state, `start/running`
    std::string_view state{};
};

/// Nothing if the line is none of `status <job>`. Goals and states are those of init(8).
[[nodiscard]] inline auto find_upstart_job(std::string_view line) -> std::optional<upstart_job> {
    constexpr std::string_view goals[] = {"start", "stop", "respawn"};
    constexpr std::string_view states[] = {
        "waiting",  "starting", "security",   "security-spawning", "tmpfile", "pre-start", "pre-starting",
        "spawned",  "spawning", "post-start", "post-starting",     "running", "pre-stop",  "pre-stopping",
        "stopping", "killed",   "post-stop",  "post-stopping"};
    line = trimmed(line);
    const std::size_t slash = line.find('/', line.rfind(' ', line.find(", process ")) + 1);
    const std::size_t blank = line.rfind(' ', slash);
    if (slash == std::string_view::npos || blank == std::string_view::npos) return std::nullopt;
    upstart_job job{.name = trimmed(line.substr(0, blank)), .shown = line.substr(blank + 1)};
    job.shown = job.shown.substr(0, job.shown.find_first_of(", \t\r"));
    job.state = job.shown.substr(slash - blank);
    if (job.name.empty() || !is_one_of(job.shown.substr(0, slash - blank - 1), goals)) return std::nullopt;
    return is_one_of(job.state, states) ? std::optional{job} : std::nullopt;
}

/// Reads one line, clause by clause. Weak words count only where no others do: "is started in standalone mode,
/// currently not running".
class status_line {
public:
    explicit status_line(std::string_view line) {
        std::string before;
        for (auto rest = line;;) {
            const auto [word, signs] = next_word(rest);
            const bool first = before.empty() || signs.find_first_of(":].*!") != std::string::npos;
            if (word.empty() || before.empty() || signs.find_first_of(";,") != std::string::npos ||
                signs.starts_with(". ")) {
                end_clause();
            }
            // `{start|stop|status}` and the like, with or without the word "usage" in front of it.
            if (before == "start" && word == "stop" && signs.find('|') != std::string::npos) usage = true;
            if (word == "usage" && first && rest.starts_with(':')) usage = true;
            if (word.empty()) return;
            read(word, before, signs, rest);
            before = word;
        }
    }

    bool running{}, stopped{}, weakly_running{}, weakly_stopped{}, unsure{}, failure{}, usage{};

private:
    /// A negation reaches as far as the third word after it, "no" at a clause's beginning to its end. A claim farther
    /// off is not believed, but not denied.
    static constexpr int reach = 3;

    void end_clause() {
        if (claimed_ && !neutral_) running = true;
        claimed_ = neutral_ = zero_ = none_ = false;
        begins_ = true;
        negated_ = 0;
        runit_.clear();
    }

    void read(const std::string& word, const std::string& before, const std::string& signs, std::string_view rest) {
        const bool near = negated_ > 0 && (negated_ <= reach || none_);
        const bool labels = signs.find(':') != std::string::npos;
        if (!runit_.empty()) {  // run: web: (pid 1) 7s; run: log: (pid 2) 7s
            if (word == "log")
                neutral_ = true;
            else
                (runit_ == "run" ? claimed_ : stopped) = true;
            runit_.clear();
        }
        if (before.empty() || signs.find(';') != std::string::npos) {
            if (is_one_of(word, {"run", "down"}) && rest.starts_with(':')) runit_ = word;
        }
        if (is_one_of(word, {"running", "active", "online", "alive"}) ||
            (word == "up" && (is_one_of(before, {"is", "are", "status", "state"}) || signs.ends_with('[')))) {
            if (near || zero_)
                stopped = true;
            else if (negated_ > 0)
                unsure = true;
            else
                claimed_ = true;
            if (claimed_ && some_) stopped = true;  // Debian's postfix: "some postfix instances are running"
            if (near) negated_ = 0;
        } else if ((is_one_of(word, {"stopped", "dead", "inactive", "offline"}) && !near) ||
                   // Debian's postgresql: "15/main (port 5432): down"
                   (word == "down" && (before == "is" || labels)) || (word == "stop" && rest.starts_with("/waiting")) ||
                   (before == "no" && is_one_of(word, {"process", "processes", "pid", "pidfile", "listener"}))) {
            stopped = true;
            negated_ = 0;
        } else if (is_one_of(word, {"started", "uptime", "listening", "accepting"}) ||
                   (word == "ok" && before == "loaded") ||
                   (before == "mode" && is_one_of(word, {"leader", "follower", "standalone", "observer"}))) {
            (near ? weakly_stopped : weakly_running) = true;
        } else if (is_one_of(word, {"disabled", "unused", "shutdown", "exited", "terminated", "crashed", "errored",
                                    "backoff"}) ||
                   (near && is_one_of(word, {"starting", "configured", "enabled"}))) {
            weakly_stopped = true;
        } else if (is_one_of(word, {"unknown", "unclear"})) {
            unsure = true;
        } else if (is_one_of(word, {"timeout", "cannot", "can't", "couldn't", "unable", "refused", "denied", "fatal",
                                    "aborting"}) ||
                   (word == "not" && before == "could") || (word == "failed" && rest.starts_with('!')) ||
                   (word == "fail" && rest.starts_with(']')) ||
                   (near && is_one_of(word, {"found", "exist", "such", "readable"}))) {
            failure = true;
        } else if (word == "0") {
            if (claimed_ && signs.find_first_of("=:") != std::string::npos) stopped = true, claimed_ = false;
            zero_ = true;
        } else if (is_one_of(word, {"normally", "want"})) {
            neutral_ = true;
        }
        const bool negation =
            word.ends_with("n't") || is_one_of(word, {"not", "no", "none", "never", "neither", "isnt", "arent"});
        none_ = none_ || (begins_ && is_one_of(word, {"no", "none"}));
        begins_ = false;
        negated_ = negation ? 1 : negated_ > 0 ? negated_ + 1 : 0;
        some_ = some_ || word == "some";
    }

    bool claimed_{};
    bool neutral_{};  ///< of a clause: it tells what is wanted, or of a service's logger
    bool zero_{};
    bool begins_{true};
    bool none_{};
    bool some_{};
    int negated_{};  ///< words since the negation of this clause, itself included; 0 without one
    std::string runit_{};
};

}  // namespace detail

/// Reads a status text as a person would: "not currently running" does not mean running, nor does "dead but pid file
/// exists" or "0 workers running". Of an Upstart job only goal and state count, not the words of its name. Lines that
/// name one of `ignored` do not count.
[[nodiscard]] inline auto read_status_words(std::string_view text, const std::vector<std::string>& ignored = {})
    -> status_words {
    status_words seen;
    bool weakly_running = false;
    bool weakly_stopped = false;
    while (!text.empty()) {
        const std::string_view line = next_part(text, '\n');
        if (algo::any_of(ignored, [&](const auto& name) { return detail::names_part(line, name); })) continue;
        if (const auto job = detail::find_upstart_job(line)) {
            seen.running = seen.running || job->state == "running";
            seen.stopped = seen.stopped || job->state == "waiting";
            if (job->state == "waiting") seen.down.push_back(one_line(job->name, 60));
            if (job->state != "running" && job->state != "waiting") seen.changing = job->shown;
            continue;
        }
        const detail::status_line said{line};
        seen.running = seen.running || said.running;
        seen.stopped = seen.stopped || said.stopped;
        seen.unsure = seen.unsure || said.unsure;
        seen.failure = seen.failure || said.failure;
        seen.usage = seen.usage || said.usage;
        weakly_running = weakly_running || said.weakly_running;
        weakly_stopped = weakly_stopped || said.weakly_stopped;
        if (!said.stopped || said.running) continue;
        auto name = detail::part_name(line);
        if (!name.empty() && !is_one_of(name, seen.down)) seen.down.push_back(std::move(name));
    }
    if (seen.running || seen.stopped) return seen;
    seen.running = weakly_running && !weakly_stopped;
    seen.stopped = weakly_stopped && !weakly_running;
    seen.unsure = seen.unsure || (weakly_running && weakly_stopped);
    return seen;
}

}  // namespace powerconsul::inline v0
