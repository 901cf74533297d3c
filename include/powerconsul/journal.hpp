#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/files.hpp>
#include <powerconsul/incident.hpp>
#include <powerconsul/json/journal.hpp>
#include <powerconsul/text.hpp>
#include <powerconsul/trusted_directory.hpp>

namespace powerconsul::inline v0 {

inline constexpr std::size_t largest_journal = std::size_t{16} * 1024;  ///< bytes of one service's file
inline constexpr std::size_t most_journals = 4096;                      ///< services on one node

/// A journal, and what was wrong with it.
struct loaded_journal {
    journal value{};
    std::string note{};  ///< not empty: it was damaged, and `value` starts anew
};

/// Closed incidents go first, the oldest before the others, until the rest fits; then outputs are shortened. Fails with
/// errc::bad_data if even the open ones do not fit.
[[nodiscard]] inline auto bounded_journal(journal from) -> result<journal> {
    constexpr milliseconds oldest_kept = seconds(std::int64_t{7} * 24 * 3600);
    constexpr std::size_t most_closed = 16;
    milliseconds newest{};
    for (const auto& one : from.incidents) {
        if (newest < one.opened) newest = one.opened;
        if (newest < one.closed) newest = one.closed;
    }
    std::erase_if(from.incidents, [&](const auto& one) { return !one.is_open() && one.closed < newest - oldest_kept; });
    const auto drop_oldest_closed = [&] {
        auto oldest = from.incidents.end();
        for (auto each = from.incidents.begin(); each != from.incidents.end(); ++each) {
            if (!each->is_open() && (oldest == from.incidents.end() || each->closed < oldest->closed)) oldest = each;
        }
        if (oldest == from.incidents.end()) return false;
        from.incidents.erase(oldest);
        return true;
    };
    const auto closed = [&] {
        return static_cast<std::size_t>(
            std::ranges::count_if(from.incidents, [](const auto& one) { return !one.is_open(); }));
    };
    while (closed() > most_closed) drop_oldest_closed();
    const auto fits = [&] { return json::encode_journal(from).size() <= largest_journal; };
    while (!fits() && drop_oldest_closed()) {}
    for (const std::size_t limit : {std::size_t{256}, std::size_t{64}, std::size_t{0}}) {
        if (fits()) break;
        for (auto& one : from.incidents) {
            for (std::string* const text : {&one.last.output, &one.held}) {
                if (text->size() > limit) *text = limit == 0 ? std::string{} : one_line(*text, limit);
            }
        }
    }
    if (fits()) return from;
    return fail(errc::bad_data, std::to_string(from.incidents.size()) + " open incidents of " + quoted(from.service) +
                                    " do not fit into a journal of " + std::to_string(largest_journal) + " bytes");
}

/// Keeps the incidents of each service below `<state>/journal/`, one file for each. What it needs of the directories is
/// told in trusted_directory.hpp. Policies may be values or references.
template <typename Files>
    requires locking_file_store<std::remove_reference_t<Files>>
class journal_directory {
public:
    using lock_type = typename std::remove_reference_t<Files>::lock_type;

    journal_directory(Files files, std::string state_path)
        : files_{static_cast<Files&&>(files)}, state_path_{std::move(state_path)} {}

    /// Waits at most that long for whoever works on the service. errc::timed_out: in vain.
    [[nodiscard]] auto lock(std::string_view service, milliseconds wait) -> result<lock_type> {
        if (auto made = make_directories(); !made) return unexpected{made.error()};
        return files_.lock(file(service, ".lock"), wait);
    }

    /// Empty if there is none. A damaged one starts empty, with a note, and is kept aside: what was done before is not
    /// known then, and what is still in a bad state is a new incident. errc::denied, errc::io: it cannot be told what
    /// was done before, and nothing must be done now.
    [[nodiscard]] auto load(std::string_view service) -> result<loaded_journal> {
        loaded_journal loaded{{std::string{service}, {}}, {}};
        for (const auto& directory : {state_path_, folder()}) {
            const auto trust = trusted_directory(files_, directory);
            if (!trust) return unexpected{trust.error()};
            if (!*trust) return loaded;
        }
        const std::string path = file(service, ".json");
        const auto status = files_.status(path);
        if (!status) return unexpected{status.error()};
        if (!*status) return loaded;
        if ((*status)->kind != file_kind::regular || !only_ours(files_, **status)) {
            return fail(errc::denied, path + " is no regular file, belongs to another user or can be written by "
                                             "others; delete it");
        }
        const auto text = files_.read(path, largest_journal);
        if (!text && text.error().code != errc::bad_data) return unexpected{text.error()};
        auto decoded = text ? json::decode_journal(text->value_or("")) : result<journal>{unexpected{text.error()}};
        if (decoded && decoded->service == service) return loaded_journal{std::move(*decoded), {}};
        loaded.note = path + ": " + (decoded ? "it is another service's" : decoded.error().message) +
                      "; it starts anew, what was done before is forgotten";
        if (text && *text) static_cast<void>(files_.replace(file(service, ".damaged"), **text));
        return loaded;
    }

    /// Whoever calls it holds the lock. errc::io: the old one is still there.
    [[nodiscard]] auto save(const journal& value) -> result<void> {
        auto kept = bounded_journal(value);
        if (!kept) return unexpected{kept.error()};
        if (auto made = make_directories(); !made) return made;
        const std::string path = file(value.service, ".json");
        const auto status = files_.status(path);
        if (!status) return unexpected{status.error()};
        if (!*status) {
            if (auto room = make_room(); !room) return room;
        }
        auto saved = files_.replace(path, json::encode_journal(*kept));
        if (saved) return saved;
        return fail(saved.error().code, "the journal of " + quoted(value.service) + " cannot be written, so nothing " +
                                            "is done that it would not know of: " + saved.error().message);
    }

    /// The services that have one, sorted.
    [[nodiscard]] auto services() -> result<std::vector<std::string>> {
        std::vector<std::string> names;
        for (const auto& directory : {state_path_, folder()}) {
            const auto trust = trusted_directory(files_, directory);
            if (!trust) return unexpected{trust.error()};
            if (!*trust) return names;
        }
        const auto entries = files_.list(folder(), 8 * most_journals);
        if (!entries) return unexpected{entries.error()};
        for (const auto& each : entries->value_or(std::vector<std::string>{})) {
            constexpr std::string_view ending = ".json";
            if (each.starts_with('.') || !each.ends_with(ending)) continue;
            if (auto name = decoded_name(each.substr(0, each.size() - ending.size()))) names.push_back(*name);
        }
        std::ranges::sort(names);
        return names;
    }

private:
    [[nodiscard]] auto folder() const -> std::string { return state_path_ + "/journal"; }
    /// A dot at the beginning is encoded, too: such names are temporary files.
    [[nodiscard]] auto file(std::string_view service, std::string_view ending) const -> std::string {
        std::string name = percent_encoded(service);
        if (name.starts_with('.')) name = "%2E" + name.substr(1);
        return folder() + '/' + name + std::string{ending};
    }

    [[nodiscard]] static auto decoded_name(std::string_view name) -> std::optional<std::string> {
        std::string decoded;
        const auto digit = [](char c) {
            return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        };
        for (std::size_t i = 0; i < name.size(); ++i) {
            if (name[i] != '%') {
                decoded += name[i];
                continue;
            }
            if (i + 2 >= name.size() || digit(name[i + 1]) < 0 || digit(name[i + 2]) < 0) return std::nullopt;
            decoded += static_cast<char>(digit(name[i + 1]) * 16 + digit(name[i + 2]));
            i += 2;
        }
        return decoded;
    }

    [[nodiscard]] auto make_directories() -> result<void> {
        if (auto made = make_trusted_directory(files_, state_path_); !made) return made;
        return make_trusted_directory(files_, folder());
    }

    /// For one more service: journals without an open incident go, the one that closed first before the others.
    [[nodiscard]] auto make_room() -> result<void> {
        const auto names = services();
        if (!names) return unexpected{names.error()};
        if (names->size() < most_journals) return {};
        std::vector<std::pair<milliseconds, std::string>> closed;
        for (const auto& each : *names) {
            const auto loaded = load(each);
            if (!loaded || std::ranges::any_of(loaded->value.incidents, &incident::is_open)) continue;
            milliseconds last{};
            for (const auto& one : loaded->value.incidents) {
                if (last < one.closed) last = one.closed;
            }
            closed.emplace_back(last, each);
        }
        std::ranges::sort(closed);
        for (const auto& [_, service] : closed) {
            const auto held = lock(service, {});
            if (!held) continue;  // somebody works on it
            if (auto gone = files_.remove(file(service, ".json")); !gone) return gone;
            static_cast<void>(files_.remove(file(service, ".damaged")));
            return files_.remove(file(service, ".lock"));
        }
        return fail(errc::failed, folder() + " holds the journals of " + std::to_string(most_journals) +
                                      " services, all with open incidents; no other service gets one");
    }

    Files files_;
    std::string state_path_;
};

}  // namespace powerconsul::inline v0
