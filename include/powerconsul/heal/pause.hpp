#pragma once

#include <optional>

#include <powerconsul/cluster/identity.hpp>
#include <powerconsul/json/value.hpp>
#include <powerconsul/ports/trust.hpp>

/// Why nothing acts on a service because a person has said so: pauses in Consul's KV store and in the state directory,
/// and the stop file. What cannot be read or told holds: it may be what somebody wanted.
namespace powerconsul::inline v0 {

inline constexpr std::int64_t longest_pause_days = 30;
inline constexpr milliseconds longest_pause = seconds(longest_pause_days * 86'400);
inline constexpr std::string_view all_services = "_all";  ///< in the place of a service's name

/// What `powerconsul pause` leaves. Times are those of the wall clock.
struct pause_record {
    milliseconds until{};
    milliseconds since{};
    std::string by{};   ///< `user@host`
    std::string why{};  ///< for a person

    friend bool operator==(const pause_record&, const pause_record&) = default;
};

// --- where pauses are kept ---

/// `pauses/<environment>/<service>`. Fails with errc::usage for a name that would lead to another key.
[[nodiscard]] inline auto pause_key(const identity& who, std::string_view service) -> result<std::string> {
    const std::string environment = completed(who).environment;
    if (auto valid = validate_segment("the environment", environment); !valid) {
        return fail(errc::usage, valid.error().message + ", and pauses are kept by environment", "environment");
    }
    return document_key("pauses/" + environment, service);
}

[[nodiscard]] inline auto pause_file(const std::string& state_dir, std::string_view service) -> std::string {
    return state_dir + "/pause-" + percent_encoded(service) + ".json";
}

/// `powerconsul resume web --here`
[[nodiscard]] inline auto resume_command(std::string_view service, bool here) -> std::string {
    return "powerconsul resume" + (service == all_services ? "" : ' ' + std::string{service}) + (here ? " --here" : "");
}

}  // namespace powerconsul::inline v0

namespace powerconsul::inline v0::json {

[[nodiscard]] inline auto encode_pause(const pause_record& what) -> std::string {
    writer text;
    text.open_object().key("until").string(utc_time(what.until)).key("since").string(utc_time(what.since));
    text.key("by").string(what.by).key("why").string(what.why);
    return text.close_object().text() + '\n';
}

/// Takes exactly the members that encode_pause() writes, in any order, and times in any form of parse_time(). Fails
/// with errc::bad_data, also for a pause that would last longer than longest_pause.
[[nodiscard]] inline auto decode_pause(std::string_view text) -> result<pause_record> {
    const auto root = parse(text, {.depth = 8, .values = 100});
    if (!root) return unexpected{root.error()};
    const auto wrong = [&](std::string where, std::size_t offset, std::string what) {
        return fail(errc::bad_data, sentence({std::move(where), offset, std::move(what)}, text));
    };
    if (!root->is(kind::object)) {
        return wrong("the pause", root->offset, "expected an object, found " + std::string{described(root->type)});
    }
    pause_record made;
    const std::pair<std::string_view, std::string*> texts[] = {
        {"until", nullptr}, {"since", nullptr}, {"by", &made.by}, {"why", &made.why}};
    for (std::size_t i = 0; i < root->names.size(); ++i) {
        const std::string& name = root->names[i];
        const bool known = algo::any_of(texts, [&](const auto& each) { return each.first == name; });
        if (!known) return wrong(one_line(name, 80), root->items[i].name_offset, "there is no such member of a pause");
        if (root->find(name) != &root->items[i]) return wrong(name, root->items[i].name_offset, "the name comes twice");
    }
    for (const auto& [name, into] : texts) {
        const value* const found = root->find(name);
        if (found == nullptr) return wrong("the pause", root->offset, std::string{name} + " is missing");
        if (!found->is(kind::string) || found->text.empty()) {
            return wrong(std::string{name}, found->offset,
                         "expected a text, found " + std::string{found->text.empty() && found->is(kind::string)
                                                                     ? "an empty one"
                                                                     : described(found->type)});
        }
        if (into != nullptr) {
            *into = found->text;
            continue;
        }
        const auto time = parse_time(found->text);
        if (!time) {
            return wrong(std::string{name}, found->offset,
                         "expected a time such as 2026-11-30T19:00:00Z, found " + quoted(found->text));
        }
        (name == "until" ? made.until : made.since) = *time;
    }
    const milliseconds length = made.until - made.since;
    if (length.count > 0 && length <= longest_pause) return made;
    return wrong("until", root->find("until")->offset,
                 "expected a time behind since, at most " + std::to_string(longest_pause_days) + " days later");
}

}  // namespace powerconsul::inline v0::json

namespace powerconsul::inline v0 {

// --- what is told of them ---

/// `2026-11-30 19:00 UTC`, with the seconds where there are any.
[[nodiscard]] inline auto clock_text(milliseconds wall) -> std::string {
    const std::string time = utc_time(wall);
    const bool whole_minute = time.substr(17, 2) == "00";
    return time.substr(0, 10) + ' ' + time.substr(11, whole_minute ? 5 : 8) + " UTC";
}

/// `40 min left`, and `over` for nothing. Rounded, so that a reason that is logged when it changes seldom does.
[[nodiscard]] inline auto left_text(milliseconds left) -> std::string {
    const auto in = [&](std::int64_t unit) { return (left.count + unit / 2) / unit; };
    constexpr std::int64_t minute = 60'000;
    if (left.count <= 0) return "over";
    if (left.count < minute) return "less than a minute left";
    const std::int64_t minutes = in(minute) <= 10 ? in(minute) : in(10 * minute) * 10;
    if (minutes < 60) return std::to_string(minutes) + " min left";
    const std::int64_t hours = in(60 * minute);
    return hours < 48 ? std::to_string(hours) + " h left" : std::to_string(in(24 * 60 * minute)) + " d left";
}

/// `paused until 2026-11-30 19:00 UTC (2 h left) by anna@web1: kernel update`
[[nodiscard]] inline auto pause_text(const pause_record& what, milliseconds now) -> std::string {
    return "paused until " + clock_text(what.until) + " (" + left_text(what.until - now) + ") by " +
           one_line(what.by, 100) + ": " + one_line(what.why, 300);
}

/// Why the pause that `text` holds holds now; empty if its time is over. `where` is its key or its file, `remedy` the
/// command that removes it.
[[nodiscard]] inline auto pause_reason(std::string_view text, const std::string& where, const std::string& remedy,
                                       milliseconds now) -> std::string {
    const auto read = json::decode_pause(text);
    if (!read) {
        return one_line("the pause " + where + " holds, since it cannot be read: " + read.error().message, 800) + "; " +
               remedy + " removes it";
    }
    return read->until > now ? one_line(pause_text(*read, now) + " (" + where + ')', 1000) : std::string{};
}

// --- why nothing may act ---

/// Why nothing may act on a service of this node's environment, according to Consul's KV store; empty if no pause
/// holds. `consul` is a consul_client; it reads what most servers confirm. Fails where that cannot be told, and then
/// nothing may act.
template <typename Client>
[[nodiscard]] auto pause_hold(Client& consul, const identity& who, std::string_view service, milliseconds now)
    -> result<std::string> {
    const auto not_known = [](const error& why) {
        return fail(why.code, "it cannot be told whether it is paused: " + why.message, why.remedy);
    };
    for (const std::string_view each : {service, all_services}) {
        const auto key = pause_key(who, each);
        if (!key) return not_known(key.error());
        const auto entry = consul.read_key(*key, who.datacenter);
        if (!entry) return not_known(entry.error());
        if (!*entry) continue;
        auto reason = pause_reason((*entry)->value, *key, resume_command(each, false), now);
        if (!reason.empty()) return reason;
    }
    return std::string{};
}

/// Why the stop file holds; empty if it is not there, or holds `until=<time>` and that time is over. There is none if
/// `path` is empty.
template <file_source Files>
[[nodiscard]] auto stop_file_hold(Files& files, const std::string& path, milliseconds now) -> std::string {
    if (path.empty()) return {};
    const auto there = files.status(path);
    if (!there) return "it cannot be told whether the stop file is there: " + there.error().message;
    if (!*there) return {};
    const auto holds = [&](const std::string& how) {
        return "the stop file " + quoted(path) + " is there" + how + "; delete it to let triggers run";
    };
    const auto text = files.read(path, std::size_t{16} * 1024);
    if (!text) return holds(", without an end that could be read (" + text.error().message + ")");
    if (!*text) return {};  // deleted meanwhile
    const std::string_view said = trimmed(**text);
    if (said.empty()) return holds("");
    constexpr std::string_view name = "until=";
    const auto until = said.starts_with(name) ? parse_time(trimmed(said.substr(name.size()))) : std::nullopt;
    if (!until) {
        return holds(" and holds without an end: expected until=<time> as date -d '+2 hours' -Is prints it, found " +
                     quoted(said));
    }
    if (*until <= now) return {};
    return holds(" and holds until " + clock_text(*until) + " (" + left_text(*until - now) + ')');
}

namespace detail {

/// Root may look at and change what an agent's user keeps in the state directory: for root its owner's view counts.
template <file_source Files>
[[nodiscard]] auto on_behalf_of_owner(Files& files, const std::string& state_dir) -> files_of_user<Files> {
    const auto there = files.user() == 0 ? files.status(state_dir) : result{std::optional<file_status>{}};
    return {files, there && *there ? (*there)->uid : files.user()};
}

}  // namespace detail

/// The text of this node's own pause of a service; nothing if there is none. Fails where the directory or the file is
/// not to be trusted, or cannot be read.
template <file_source Files>
[[nodiscard]] auto read_local_pause(Files& files, const std::string& state_dir, std::string_view service)
    -> result<std::optional<std::string>> {
    auto theirs = detail::on_behalf_of_owner(files, state_dir);
    const auto trusted = trusted_directory(theirs, state_dir);
    if (!trusted) return unexpected{trusted.error()};
    if (!*trusted) return std::optional<std::string>{};
    const std::string path = pause_file(state_dir, service);
    const auto there = files.status(path);
    if (!there) return unexpected{there.error()};
    if (!*there) return std::optional<std::string>{};
    if ((*there)->kind != file_kind::regular || !only_ours(theirs, **there)) {
        return fail(errc::denied,
                    path + " is no regular file, belongs to another user or can be written by others; delete it");
    }
    return files.read(path, std::size_t{16} * 1024);
}

/// Why nothing may act on a service of this node, according to the node's own pauses; empty if none holds.
template <file_source Files>
[[nodiscard]] auto local_pause(Files& files, const std::string& state_dir, std::string_view service, milliseconds now)
    -> std::string {
    for (const std::string_view each : {service, all_services}) {
        const auto text = read_local_pause(files, state_dir, each);
        if (!text) return "it cannot be told whether this node is paused: " + text.error().message;
        if (!*text) continue;
        auto reason = pause_reason(**text, pause_file(state_dir, each), resume_command(each, true), now);
        if (!reason.empty()) return reason;
    }
    return {};
}

/// The same, according to the stop file and the node's own pauses.
template <file_source Files>
[[nodiscard]] auto local_hold(Files& files, const std::string& stop_file, const std::string& state_dir,
                              std::string_view service, milliseconds now) -> std::string {
    auto stopped = stop_file_hold(files, stop_file, now);
    return stopped.empty() ? local_pause(files, state_dir, service, now) : stopped;
}

}  // namespace powerconsul::inline v0
