#pragma once

#include <powerconsul/heal/journal_json.hpp>
#include <powerconsul/ports/clock.hpp>
#include <powerconsul/ports/trust.hpp>

namespace powerconsul::inline v0 {

inline constexpr std::size_t journal_size = std::size_t{32} * 1024;  ///< bytes of one service's file, whatever it holds
inline constexpr std::size_t most_journals = 4096;                   ///< services on one node

/// A journal, and what was wrong with it. If it was damaged, `value` is empty and every check in a bad state will look
/// new. As after a crash, a trigger may have run for it a moment ago, so that a caller must let the first attempt of a
/// new incident wait for a back-off.
struct loaded_journal {
    journal value{};
    std::string note{};  ///< what was damaged, for a person; empty if nothing was
};

/// The latest time in the journal, which is about when it was last changed; 0 if nothing was recorded.
[[nodiscard]] inline auto newest_time(const journal& from) -> milliseconds {
    milliseconds newest = from.well;
    for (const auto& one : from.incidents) newest = std::max({newest, one.opened, one.closed, one.looked});
    for (const auto& one : from.attempts) newest = std::max({newest, one.began, one.ended, one.settled});
    return newest;
}

/// Makes a journal fit into its file; what is dropped is counted. Closed incidents go first, the oldest before the
/// others: those that closed more than a week before the newest time, those beyond 16, then as many as needed. Of
/// attempts the last 50 are kept, with the whole output of the last one only. If that is not enough, texts are
/// shortened, and checks are counted only. What decides whether another attempt may be made always stays, which are the
/// open incidents, the ledgers, attempts that run and the last one that acted.
[[nodiscard]] inline auto bounded_journal(journal from) -> journal {
    constexpr milliseconds oldest_kept = seconds(std::int64_t{7} * 24 * 3600);
    constexpr std::ptrdiff_t most_closed = 16;
    constexpr std::size_t short_output = 200;
    const milliseconds newest = newest_time(from);
    from.dropped += std::erase_if(from.incidents,
                                  [&](const auto& one) { return !one.is_open() && one.closed < newest - oldest_kept; });
    const auto drop_oldest_closed = [&] {
        const auto oldest =
            std::min_element(from.incidents.begin(), from.incidents.end(), [](const auto& one, const auto& other) {
                return std::pair{one.is_open(), one.closed} < std::pair{other.is_open(), other.closed};
            });
        if (oldest == from.incidents.end() || oldest->is_open()) return false;
        from.incidents.erase(oldest);
        ++from.dropped;
        return true;
    };
    const auto drop_oldest_attempt = [&] {
        const auto acted =
            std::find_if(from.attempts.rbegin(), from.attempts.rend(), [](const attempt& one) { return !one.informs; });
        // One that runs is needed to find its process, and the last one that acted to know when another one may.
        const auto oldest = algo::find_if(from.attempts, [&](const attempt& one) {
            const bool last = &one == &from.attempts.back() || (acted != from.attempts.rend() && &one == &*acted);
            return one.ended.count != 0 && !last;
        });
        if (oldest == from.attempts.end()) return false;
        from.attempts.erase(oldest);
        ++from.dropped;
        return true;
    };
    const auto closed = [&] { return algo::count(from.incidents, false, &incident::is_open); };
    while (closed() > most_closed) drop_oldest_closed();
    while (from.attempts.size() > most_attempts && drop_oldest_attempt()) {
    }
    for (std::size_t i = 0; i + 1 < from.attempts.size(); ++i) {
        from.attempts[i].output = json::first_and_last_lines(from.attempts[i].output, short_output);
    }
    if (!from.attempts.empty()) from.attempts.back().output = json::last_lines(from.attempts.back().output, 1024);
    const auto fits = [&] { return json::encode_journal(from).size() <= journal_size; };
    while (!fits() && (drop_oldest_closed() || drop_oldest_attempt())) {
    }
    for (const std::size_t limit : {std::size_t{256}, std::size_t{64}, std::size_t{0}}) {
        if (fits()) break;
        for (auto& one : from.attempts) one.output = json::last_lines(one.output, limit);
        for (auto& one : from.incidents) {
            // Never to an empty text, which would mean that it was not held.
            if (one.held.size() > limit + 32) one.held = one_line(one.held, limit + 32);
            while (one.checks.size() > limit / 16 + 1) {
                one.checks.pop_back();
                ++one.further_checks;
            }
        }
        if (from.silent.size() > limit / 16 + 1) from.silent.resize(limit / 16 + 1);
    }
    if (!fits()) {
        // Consul limits neither ids nor names.
        from.silent.clear();
        for (auto& one : from.incidents) {
            one.further_checks += one.checks.size();
            one.checks.clear();
            one.node = one_line(one.node, 64);
        }
    }
    return from;
}

/// Keeps the incidents below `<state>/journal/`, one file for each service. ports/trust.hpp says what it requires of
/// the directories.
template <locking_file_store Files>
class journal_directory {
public:
    using lock_type = typename Files::lock_type;

    journal_directory(Files& files, std::string state_path) : files_{files}, state_path_{std::move(state_path)} {}

    /// Locks the service. Fails with errc::timed_out if another handler has not released the lock within `wait`.
    [[nodiscard]] auto lock(std::string_view service, milliseconds wait) -> result<lock_type> {
        if (auto made = make_directories(); !made) return unexpected{made.error()};
        auto held = files_.lock(file(service, lock_ending), wait);
        return held ? std::move(held) : result<lock_type>{unexpected{with_advice(held.error())}};
    }

    /// The place of the one handler that waits for the service's lock. Fails with errc::timed_out if it is taken.
    [[nodiscard]] auto waiting_place(std::string_view service) -> result<lock_type> {
        return files_.lock(file(service, waiting_ending), {});
    }

    /// Takes one of the `at_once` slots (1 or more) for triggers that run on this node at one time: the lock of a file
    /// beside the journals, held until it is destroyed. Fails with errc::timed_out if none is free within `wait`.
    [[nodiscard]] auto free_slot(clock auto& time, std::string_view service, std::size_t at_once, milliseconds wait)
        -> result<lock_type> {
        const milliseconds deadline = time.monotonic() + wait;
        do {
            // The service's own one first, and again at the end if it may be waited for.
            for (std::size_t i = 0; i < at_once + (wait.count > 0 ? 1 : 0); ++i) {
                const std::size_t slot = (service.size() + i) % at_once;
                auto lock = files_.lock(folder() + "/slot-" + std::to_string(slot) + ".lock", {i < at_once ? 0 : 100});
                if (lock || lock.error().code != errc::timed_out) return lock;
            }
        } while (time.monotonic() < deadline);
        return fail(errc::timed_out, "no trigger of this node ended in time, " + std::to_string(at_once) +
                                         " may run at once; try again");
    }

    /// The service's journal, empty if there is none. A damaged one is loaded as empty, and its bytes are kept in
    /// `<service>.json.damaged`. On an error (errc::denied, errc::io) it cannot be told what was done before, so
    /// nothing may be done now. Needs no lock.
    [[nodiscard]] auto load(std::string_view service) -> result<loaded_journal> {
        loaded_journal loaded{{.service = std::string{service}}, {}};
        const auto there = trusted();
        if (!there) return unexpected{there.error()};
        if (!*there) return loaded;
        const std::string path = file(service, journal_ending);
        const auto status = files_.status(path);
        if (!status) return unexpected{status.error()};
        if (!*status) return loaded;
        if ((*status)->kind != file_kind::regular || !only_ours(files_, **status)) {
            return fail(errc::denied, path +
                                          " is no regular file, belongs to another user or can be written by "
                                          "others; delete it");
        }
        const auto text = files_.read(path, largest_kept_aside);
        if (!text && text.error().code != errc::bad_data) return unexpected{text.error()};
        if (text && !*text) return loaded;  // removed meanwhile
        auto decoded = readable(text, service);
        if (decoded) return loaded_journal{std::move(*decoded), {}};
        loaded.note = path + ": " + decoded.error().message + "; it starts anew, what was done before is not known";
        loaded.note += text ? kept_aside(service, **text) : std::string{};
        return loaded;
    }

    /// Replaces the service's journal, bounded by bounded_journal(). The caller must hold the lock. On an error the old
    /// journal is still there, and nothing may be done that it does not record. Each file keeps its space, and a
    /// reserve is kept for one more, so that a full disk does not keep anybody from acting. A new journal first removes
    /// what crashes have left behind and, if there are most_journals already, journals without an open incident.
    [[nodiscard]] auto save(const journal& value) -> result<void> {
        const journal kept = bounded_journal(value);
        std::string text = json::encode_journal(kept);
        if (auto again = json::decode_journal(text);
            !again || again->service != value.service || text.size() > journal_size) {
            return fail(errc::bad_data, "the journal of " + quoted(value.service) + " could not be read again: " +
                                            "something in it is out of its range, or the service's name is not UTF-8");
        }
        text.back() = ' ';
        text.resize(journal_size - 1, ' ');
        text += '\n';
        if (auto made = make_directories(); !made) return made;
        const std::string path = file(value.service, journal_ending);
        const auto status = files_.status(path);
        if (!status) return unexpected{status.error()};
        if (!*status) {
            if (auto room = make_room(newest_time(kept)); !room) return room;
        }
        auto saved = replace(path, text);
        const std::string reserve = folder() + '/' + std::string{reserve_name};
        if (!saved && saved.error().code == errc::io && files_.remove(reserve)) saved = replace(path, text);
        if (!saved) return unexpected{with_advice(saved.error())};
        constexpr std::size_t reserved = 3 * journal_size;
        // It only takes space, and a trigger may wait for this: it need not outlive a power failure, and is made anew
        // if one has emptied it.
        if (const auto there = files_.status(reserve); there && (!*there || (*there)->size < reserved)) {
            static_cast<void>(files_.replace(reserve, std::string(reserved, ' '), 0600, durability::later));
        }
        return saved;
    }

    /// The services that have a journal, sorted.
    [[nodiscard]] auto services() -> result<std::vector<std::string>> {
        const auto there = trusted();
        if (!there) return unexpected{there.error()};
        const auto entries = all_files();
        if (!entries) return unexpected{entries.error()};
        return services_of(*entries);
    }

    /// Removes the service's journal and its other files, the lock's file too. The caller must hold the lock, and
    /// release it afterwards.
    [[nodiscard]] auto remove(std::string_view service) -> result<void> {
        const auto there = trusted();
        if (!there) return unexpected{there.error()};
        if (!*there) return {};
        for (const auto ending : {journal_ending, spare_ending, damaged_ending, waiting_ending, lock_ending}) {
            if (auto gone = files_.remove(file(service, ending)); !gone) return gone;
        }
        return {};
    }

private:
    // Whatever a service is called, no other file of the directory may have the name of its lock.
    static constexpr std::string_view journal_ending = ".json";
    static constexpr std::string_view lock_ending = ".json.lock";
    static constexpr std::string_view waiting_ending = ".json.waiting";
    static constexpr std::string_view spare_ending = ".json.spare";
    static constexpr std::string_view reserve_name = "reserve";
    static constexpr std::string_view damaged_ending = ".json.damaged";
    static constexpr std::size_t largest_kept_aside = std::size_t{1024} * 1024;

    [[nodiscard]] auto folder() const -> std::string { return state_path_ + "/journal"; }
    /// A leading dot is encoded, too, since temporary files begin with one.
    [[nodiscard]] static auto encoded_name(std::string_view service) -> std::string {
        std::string name = percent_encoded(service);
        if (name.starts_with('.')) name = "%2E" + name.substr(1);
        return name;
    }
    [[nodiscard]] auto file(std::string_view service, std::string_view ending) const -> std::string {
        return folder() + '/' + encoded_name(service) + std::string{ending};
    }

    /// Where the files can, the space of the old bytes is kept beside the new ones for the next time.
    [[nodiscard]] auto replace(const std::string& path, const std::string& bytes) -> result<void> {
        if constexpr (requires { files_.replace_in_place(path, path, bytes); }) {
            return files_.replace_in_place(path, path + ".spare", bytes);
        } else {
            return files_.replace(path, bytes);
        }
    }

    // --- errors and damage ---

    [[nodiscard]] auto with_advice(error why) const -> error {
        if (why.code == errc::io) {
            why.message += "; nothing is done that no journal would know of: see to " + folder() +
                           ", or choose another state directory";
        }
        return why;
    }

    [[nodiscard]] static auto readable(const result<std::optional<std::string>>& text, std::string_view service)
        -> result<journal> {
        if (!text) return unexpected{text.error()};
        if ((*text)->size() > journal_size) {
            return fail(errc::bad_data, "it is larger than " + std::to_string(journal_size) + " bytes");
        }
        auto decoded = json::decode_journal(**text);
        if (decoded && decoded->service != service) {
            return fail(errc::bad_data, "it is the journal of " + quoted(decoded->service));
        }
        return decoded;
    }

    /// Keeps a damaged journal's bytes, as best effort, and says where; only once, since it is read often.
    [[nodiscard]] auto kept_aside(std::string_view service, const std::string& bytes) -> std::string {
        const std::string path = file(service, damaged_ending);
        const auto before = files_.read(path, largest_kept_aside);
        const bool there = before && *before && **before == bytes;
        if (auto kept = there ? result<void>{} : files_.replace(path, bytes); !kept) {
            return "; its bytes could not be kept: " + kept.error().message;
        }
        return "; its bytes are in " + path;
    }

    /// The service that a file belongs to, if it is one with that ending.
    [[nodiscard]] static auto service_of(std::string_view name, std::string_view ending) -> std::optional<std::string> {
        if (!name.ends_with(ending)) return std::nullopt;
        name.remove_suffix(ending.size());
        auto decoded = percent_decoded(name);
        return decoded && encoded_name(*decoded) == name ? std::move(decoded) : std::nullopt;
    }

    [[nodiscard]] auto trusted() -> result<bool> {
        auto trust = trusted_directory(files_, state_path_);
        return trust && *trust ? trusted_directory(files_, folder()) : trust;
    }

    [[nodiscard]] auto make_directories() -> result<void> {
        for (const auto& directory : {state_path_, folder()}) {
            if (auto made = make_trusted_directory(files_, directory); !made) {
                return unexpected{with_advice(made.error())};
            }
        }
        return {};
    }

    [[nodiscard]] auto all_files() -> result<std::vector<std::string>> {
        auto entries = files_.list(folder(), 8 * most_journals);
        if (!entries) return fail(entries.error().code, entries.error().message + "; delete what is not needed there");
        return std::move(*entries).value_or(std::vector<std::string>{});
    }

    [[nodiscard]] static auto services_of(const std::vector<std::string>& entries) -> std::vector<std::string> {
        std::vector<std::string> names;
        for (const auto& each : entries) {
            if (auto service = service_of(each, journal_ending)) names.push_back(std::move(*service));
        }
        algo::sort(names);
        return names;
    }

    // --- making room ---

    /// Whether a crash may have left the file: `.<name>.json.XXXXXX`.
    [[nodiscard]] static auto is_temporary(std::string_view name) -> bool {
        const auto dot = name.rfind('.');
        if (!name.starts_with('.') || name.size() - dot != 7) return false;
        name = name.substr(0, dot);
        return name.ends_with(journal_ending) || name.ends_with(damaged_ending) ||
               name == "." + std::string{reserve_name};
    }

    [[nodiscard]] auto make_room(milliseconds now) -> result<void> {
        const auto entries = all_files();
        if (!entries) return unexpected{entries.error()};
        const auto names = services_of(*entries);
        remove_leftovers(*entries, names, now);
        if (names.size() < most_journals) return {};
        std::vector<std::pair<milliseconds, std::string>> over;
        for (const auto& each : names) {
            if (const auto since = over_since(each)) over.emplace_back(*since, each);
        }
        algo::sort(over);
        std::size_t left = names.size();
        for (const auto& each : over) {
            if (left < most_journals) break;
            const auto held = lock(each.second, {});
            // It is in use, or an incident has opened since the first look.
            if (!held || !over_since(each.second)) continue;
            if (auto gone = remove(each.second); !gone) return unexpected{with_advice(gone.error())};
            --left;
        }
        if (left < most_journals) return {};
        return fail(errc::failed, folder() + " holds the journals of " + std::to_string(left) +
                                      " services, and none of them is without an open incident; see powerconsul " +
                                      "incidents, and delete those of services that are no more");
    }

    /// When the service's last incident closed; nothing if one is open or if the journal cannot be read.
    [[nodiscard]] auto over_since(std::string_view service) -> std::optional<milliseconds> {
        const auto text = files_.read(file(service, journal_ending), journal_size);
        if (!text || !*text) return std::nullopt;
        const auto decoded = readable(text, service);
        if (!decoded) return std::nullopt;
        milliseconds last{};
        for (const auto& one : decoded->incidents) {
            if (one.is_open()) return std::nullopt;
            last = std::max(last, one.closed);
        }
        return last;
    }

    /// Best effort: removes temporary files and what stands beside journals that are no more, all older than an hour.
    void remove_leftovers(const std::vector<std::string>& entries, const std::vector<std::string>& names,
                          milliseconds now) {
        const auto is_old = [&](const std::string& name) {
            const auto status = files_.status(folder() + '/' + name);
            return status && *status && (*status)->changed < now.count / 1000 - 3600;
        };
        for (const auto& each : entries) {
            if (is_temporary(each) && is_old(each)) static_cast<void>(files_.remove(folder() + '/' + each));
            const auto service = service_of(each, lock_ending);
            if (!service || algo::binary_search(names, *service) || !is_old(each)) continue;
            const auto held = lock(*service, {});
            const auto status = files_.status(file(*service, journal_ending));
            if (!held || !status || *status) continue;
            for (const auto ending : {spare_ending, waiting_ending, lock_ending}) {
                static_cast<void>(files_.remove(file(*service, ending)));
            }
        }
    }

    Files& files_;
    std::string state_path_;
};

}  // namespace powerconsul::inline v0
