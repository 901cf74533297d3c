#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/heal/incident.hpp>
#include <powerconsul/json/value.hpp>
#include <powerconsul/json/writer.hpp>

namespace powerconsul::inline v0::json {

inline constexpr std::size_t largest_output = 1024;  ///< bytes that are kept of an attempt's output

namespace detail {

/// The text with U+FFFD for every byte that is not valid UTF-8, so that a journal can be read again.
[[nodiscard]] inline auto sound_text(std::string_view text) -> std::string {
    std::string sound;
    while (!text.empty()) {
        const std::size_t length = utf8_sequence(text);
        sound += length == 0 ? std::string_view{"\xEF\xBF\xBD"} : text.substr(0, length);
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return sound;
}

/// The last whole lines of an output, or the end of the last line if it is too long: at most `limit` bytes of UTF-8.
[[nodiscard]] inline auto output_end(std::string_view text, std::size_t limit) -> std::string {
    // The end of a long text is enough: replacing invalid bytes never makes it shorter.
    if (text.size() > limit + 4) text.remove_prefix(text.size() - limit - 4);
    std::string sound = sound_text(text);
    std::string_view kept = sound;
    if (kept.size() <= limit) return sound;
    // What is kept begins with a whole line if the byte before it ended one.
    const bool whole = kept[kept.size() - limit - 1] == '\n';
    kept.remove_prefix(kept.size() - limit);
    const auto line = kept.find('\n');
    if (!whole && line != std::string_view::npos && line + 1 < kept.size()) kept.remove_prefix(line + 1);
    while (!kept.empty() && utf8_sequence(kept) == 0) kept.remove_prefix(1);
    return std::string{kept};
}

// --- writing ---

/// Leaves out a time that is 0 or less: none is before 1970.
inline void write_time(writer& line, std::string_view name, milliseconds at) {
    if (at.count > 0) line.key(name).number(at.count);
}

inline void write_attempt(writer& line, const attempt& one) {
    line.open_object();
    write_time(line, "began", one.began);
    write_time(line, "may_run", one.may_run);
    write_time(line, "ended", one.ended);
    if (one.process.pid > 0) {
        line.key("pid").number(one.process.pid);
        line.key("process_began").number(one.process.began);
        line.key("boot").string(sound_text(one.process.boot));
    }
    line.key("trigger").string(sound_text(one.key));
    line.key("outcome").string(to_string(one.result));
    if (one.status >= 0) line.key("status").number(std::int64_t{one.status});
    if (one.signal > 0) line.key("signal").number(std::int64_t{one.signal});
    if (!one.output.empty()) line.key("output").string(output_end(one.output, largest_output));
    line.close_object();
}

inline void write_incident(writer& line, const incident& one) {
    line.open_object();
    line.key("id").string(sound_text(one.id));
    line.key("state").string(to_string(one.state));
    line.key("node").string(sound_text(one.node));
    line.key("service_id").string(sound_text(one.service_id));
    line.key("check").string(sound_text(one.check_id));
    if (one.create_index != 0) line.key("create_index").number(one.create_index);
    if (one.modify_index != 0) line.key("modify_index").number(one.modify_index);
    write_time(line, "opened", one.opened);
    if (!one.is_open()) line.key("closed").number(one.closed.count > 0 ? one.closed.count : 1);
    if (one.silent) line.key("silent").boolean(true);
    if (one.missed) line.key("missed").boolean(true);
    if (one.attempts != 0) line.key("attempts").number(std::uint64_t{one.attempts});
    if (one.given_up) line.key("given_up").boolean(true);
    write_time(line, "looked", one.looked);
    if (!one.held.empty()) line.key("held").string(sound_text(one.held));
    if (one.attempts != 0) {
        line.key("last");
        write_attempt(line, one.last);
    }
    line.close_object();
}

// --- reading ---

/// Reads members by name. A missing one has its default; one of another type marks the whole text as damaged.
class member_reader {
public:
    explicit member_reader(const value& from) : from_{from} {}

    [[nodiscard]] auto text(std::string_view name) -> std::string {
        const value* const found = find(name, kind::string);
        return found == nullptr ? std::string{} : found->text;
    }
    [[nodiscard]] auto number(std::string_view name) -> std::uint64_t {
        const value* const found = find(name, kind::number);
        if (found == nullptr) return 0;
        const auto read = found->as_unsigned();
        damaged_ = damaged_ || !read;
        return read.value_or(0);
    }
    [[nodiscard]] auto time(std::string_view name) -> milliseconds { return {signed_number(name)}; }
    [[nodiscard]] auto signed_number(std::string_view name) -> std::int64_t {
        const std::uint64_t read = number(name);
        damaged_ = damaged_ || read > INT64_MAX / 4;
        return damaged_ ? 0 : static_cast<std::int64_t>(read);
    }
    [[nodiscard]] auto small_number(std::string_view name) -> std::int32_t {
        const std::int64_t read = signed_number(name);
        damaged_ = damaged_ || read > INT32_MAX;
        return damaged_ ? 0 : static_cast<std::int32_t>(read);
    }
    [[nodiscard]] auto flag(std::string_view name) -> bool {
        const value* const found = find(name, kind::boolean);
        return found != nullptr && found->boolean;
    }
    [[nodiscard]] auto has(std::string_view name) const -> bool { return from_.find(name) != nullptr; }
    [[nodiscard]] auto damaged() const -> bool { return damaged_; }
    void refuse() { damaged_ = true; }

private:
    [[nodiscard]] auto find(std::string_view name, kind type) -> const value* {
        const value* const found = from_.find(name);
        if (found != nullptr && !found->is(type)) damaged_ = true;
        return found != nullptr && found->is(type) ? found : nullptr;
    }

    const value& from_;
    bool damaged_{};
};

[[nodiscard]] inline auto read_attempt(const value& from) -> std::optional<attempt> {
    member_reader members{from};
    attempt one;
    one.began = members.time("began");
    one.may_run = members.time("may_run");
    one.ended = members.time("ended");
    one.process = {members.signed_number("pid"), members.number("process_began"), members.text("boot")};
    one.key = members.text("trigger");
    const std::string outcome = members.text("outcome");
    for (const auto each : {healing::unfinished, healing::ended, healing::healed, healing::not_healed,
                            healing::failed_to_run, healing::timed_out}) {
        if (outcome == to_string(each)) one.result = each;
    }
    if (members.has("status")) one.status = members.small_number("status");
    one.signal = members.small_number("signal");
    one.output = members.text("output");
    return members.damaged() ? std::nullopt : std::optional{std::move(one)};
}

[[nodiscard]] inline auto read_incident(const value& from) -> std::optional<incident> {
    member_reader members{from};
    incident one;
    one.id = members.text("id");
    one.state = members.text("state") == "warning" ? bad_state::warning : bad_state::critical;
    one.node = members.text("node");
    one.service_id = members.text("service_id");
    one.check_id = members.text("check");
    one.create_index = members.number("create_index");
    one.modify_index = members.number("modify_index");
    one.opened = members.time("opened");
    one.closed = members.time("closed");
    one.silent = members.flag("silent");
    one.missed = members.flag("missed");
    one.attempts = static_cast<std::uint32_t>(members.small_number("attempts"));
    one.given_up = members.flag("given_up");
    one.looked = members.time("looked");
    one.held = members.text("held");
    if (const value* const last = from.find("last")) {
        auto read = read_attempt(*last);
        if (!read) return std::nullopt;
        one.last = std::move(*read);
    }
    if (one.id.empty() || one.check_id.empty() || (one.attempts != 0) != (from.find("last") != nullptr)) {
        return std::nullopt;
    }
    return members.damaged() ? std::nullopt : std::optional{std::move(one)};
}

}  // namespace detail

/// Writes one line for each incident, so that a person can read it too. Bytes that are not UTF-8 become U+FFFD, only
/// the end of an output is kept, and members with default values are left out, as is the last attempt if there was
/// none. The sum at the end is FNV-1a of all before it: a digit changed on disk could make a journal forget attempts.
[[nodiscard]] inline auto encode_journal(const journal& from) -> std::string {
    writer head;
    head.string(detail::sound_text(from.service));
    std::string text = "{\"service\":" + head.text() + ",\"incidents\":[";
    for (std::size_t i = 0; i < from.incidents.size(); ++i) {
        writer line;
        detail::write_incident(line, from.incidents[i]);
        text += (i == 0 ? "\n" : ",\n") + line.text();
    }
    text += "\n]";
    return text + ",\"sum\":\"" + ascii::hexadecimal(fnv1a(text)) + "\"}\n";
}

/// Fails with errc::bad_data on anything that `encode_journal` would not have written.
[[nodiscard]] inline auto decode_journal(std::string_view text) -> result<journal> {
    const auto root = parse(text);
    if (!root) return unexpected{root.error()};
    const auto damaged = [] { return fail(errc::bad_data, "the journal is damaged"); };
    const value* const service = root->find("service");
    const value* const incidents = root->find("incidents");
    if (service == nullptr || !service->is(kind::string) || incidents == nullptr || !incidents->is(kind::array)) {
        return damaged();
    }
    journal made{service->text, {}};
    for (const auto& each : incidents->items) {
        auto one = detail::read_incident(each);
        if (!one) return damaged();
        for (const auto& other : made.incidents) {
            if (other.id == one->id) return damaged();
        }
        made.incidents.push_back(std::move(*one));
    }
    if (encode_journal(made) != text) return damaged();
    return made;
}

}  // namespace powerconsul::inline v0::json
