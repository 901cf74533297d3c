#pragma once

#include <map>
#include <utility>

#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/files.hpp>

namespace powerconsul::inline v0::testing {

/// A file system in memory. A test sets it up with `put` (parent directories are made as needed), makes a path fail
/// with `fail_on`, and looks at it with `get`. What the code under test writes needs its parent directory, as on disk.
/// Models `locking_file_store`. Paths are compared as text. What is made belongs to `user_id` and has the time `now`,
/// in seconds.
class memory_files {
public:
    std::uint32_t user_id{1000};
    std::int64_t now{};
    std::vector<std::string> flushed{};  ///< the path of each write that was to be flushed, in their order

    /// A regular file of mode 0600, or what `status` says; its size is that of the bytes.
    void put(const std::string& path, std::string_view bytes) { put(path, bytes, made(file_kind::regular, 0600)); }
    void put(const std::string& path, std::string_view bytes, file_status status) {
        const std::string above = parent(path);
        if (above != "/" && !entries_.contains(above)) put(above, {}, made(file_kind::directory, 0700));
        status.size = bytes.size();
        entries_.insert_or_assign(path, entry{status, std::string{bytes}});
    }
    /// For a test: removes the file, whatever `fail_on` says.
    void erase(const std::string& path) { entries_.erase(path); }
    auto remove(const std::string& path) -> result<void> {
        if (const auto* why = failure(path)) return unexpected{*why};
        entries_.erase(path);
        locked_.erase(path);
        return {};
    }

    /// A lock, released when this is destroyed; the files must outlive it. lock() does not wait: in memory nobody else
    /// could release the lock meanwhile.
    class lock_type {
    public:
        lock_type(memory_files* home, std::string path, std::uint64_t number)
            : home_{home}, path_{std::move(path)}, number_{number} {}
        lock_type(lock_type&& other) noexcept
            : home_{std::exchange(other.home_, nullptr)}, path_{std::move(other.path_)}, number_{other.number_} {}
        lock_type(const lock_type&) = delete;
        auto operator=(const lock_type&) -> lock_type& = delete;
        auto operator=(lock_type&&) -> lock_type& = delete;
        ~lock_type() {
            if (home_ != nullptr) home_->unlock(path_, number_);
        }

    private:
        memory_files* home_;
        std::string path_;
        std::uint64_t number_;
    };

    [[nodiscard]] auto lock(const std::string& path, milliseconds) -> result<lock_type> {
        if (const auto* why = failure(path)) return unexpected{*why};
        if (!is_directory(parent(path))) return fail(errc::io, quoted(path) + ": its directory does not exist");
        if (!entries_.contains(path)) put(path, {});
        if (entries_.at(path).status.kind != file_kind::regular) {
            return fail(errc::denied, "the lock " + quoted(path) + " is not a regular file; delete it");
        }
        if (!locked_.try_emplace(path, locks_ + 1).second) {
            return fail(errc::timed_out, "somebody else holds the lock " + quoted(path) + "; try again");
        }
        return lock_type{this, path, ++locks_};
    }

    /// Every call for this path fails with this error until `heal`.
    void fail_on(const std::string& path, error why) { failures_.insert_or_assign(path, std::move(why)); }
    void heal(const std::string& path) { failures_.erase(path); }

    [[nodiscard]] auto get(const std::string& path) const -> std::optional<std::string> {
        const auto at = entries_.find(path);
        return at == entries_.end() ? std::nullopt : std::optional{at->second.bytes};
    }

    [[nodiscard]] auto status(const std::string& path) -> result<std::optional<file_status>> {
        if (const auto* why = failure(path)) return unexpected{*why};
        if (path == "/") return std::optional{made(file_kind::directory, 0755)};
        const auto at = entries_.find(path);
        return at == entries_.end() ? std::optional<file_status>{} : std::optional{at->second.status};
    }
    [[nodiscard]] auto read(const std::string& path, std::size_t limit) -> result<std::optional<std::string>> {
        if (const auto* why = failure(path)) return unexpected{*why};
        const auto at = entries_.find(path);
        if (at == entries_.end()) return std::optional<std::string>{};
        if (at->second.status.kind != file_kind::regular) {
            return fail(errc::bad_data, quoted(path) + " is no regular file");
        }
        if (at->second.bytes.size() > limit) {
            return fail(errc::bad_data,
                        quoted(path) + " is larger than the " + std::to_string(limit) + " bytes allowed");
        }
        return std::optional{at->second.bytes};
    }
    [[nodiscard]] auto list(const std::string& path, std::size_t limit)
        -> result<std::optional<std::vector<std::string>>> {
        if (const auto* why = failure(path)) return unexpected{*why};
        if (!is_directory(path)) {
            if (!entries_.contains(path)) return std::optional<std::vector<std::string>>{};
            return fail(errc::bad_data, quoted(path) + " is no directory");
        }
        std::vector<std::string> names;
        for (auto at = entries_.upper_bound(path == "/" ? path : path + '/'); at != entries_.end(); ++at) {
            if (path != "/" && !at->first.starts_with(path + '/')) break;
            if (parent(at->first) == path) names.emplace_back(base_name(at->first));
        }
        if (names.size() > limit) {
            return fail(errc::bad_data,
                        quoted(path) + " holds more than the " + std::to_string(limit) + " names allowed");
        }
        return std::optional{std::move(names)};
    }
    /// There are no symbolic links to follow.
    [[nodiscard]] auto read_named(const std::string& path, std::size_t limit) -> result<std::optional<opened_file>> {
        auto bytes = read(path, limit);
        if (!bytes) return unexpected{std::move(bytes).error()};
        if (!*bytes) return std::optional<opened_file>{};
        return std::optional{opened_file{entries_.at(path).status, std::move(**bytes)}};
    }
    [[nodiscard]] auto user() const -> std::uint32_t { return user_id; }
    [[nodiscard]] auto group() const -> std::uint32_t { return user_id; }

    [[nodiscard]] auto replace(const std::string& path, std::string_view bytes, std::uint32_t mode = 0600,
                               durability how = durability::flushed) -> result<void> {
        if (const auto* why = failure(path)) return unexpected{*why};
        if (!is_directory(parent(path))) return fail(errc::io, quoted(path) + ": its directory does not exist");
        if (is_directory(path)) return fail(errc::io, quoted(path) + " is a directory");
        put(path, bytes, made(file_kind::regular, mode));
        if (how == durability::flushed) flushed.push_back(path);
        return {};
    }
    [[nodiscard]] auto make_directory(const std::string& path) -> result<void> {
        if (const auto* why = failure(path)) return unexpected{*why};
        if (is_directory(path)) return {};
        if (entries_.contains(path)) return fail(errc::io, quoted(path) + " exists and is no directory");
        if (!is_directory(parent(path))) return fail(errc::io, quoted(path) + ": its directory does not exist");
        put(path, {}, made(file_kind::directory, 0700));
        return {};
    }

private:
    struct entry {
        file_status status{};
        std::string bytes{};
    };

    void unlock(const std::string& path, std::uint64_t number) {
        const auto at = locked_.find(path);
        if (at != locked_.end() && at->second == number) locked_.erase(at);
    }

    static auto parent(const std::string& path) -> std::string {
        const std::size_t slash = path.rfind('/');
        return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
    }
    [[nodiscard]] auto made(file_kind kind, std::uint32_t mode) const -> file_status {
        return {kind, mode, user_id, user_id, 0, now};
    }
    [[nodiscard]] auto is_directory(const std::string& path) const -> bool {
        const auto at = entries_.find(path);
        return path == "/" || (at != entries_.end() && at->second.status.kind == file_kind::directory);
    }
    [[nodiscard]] auto failure(const std::string& path) const -> const error* {
        const auto at = failures_.find(path);
        return at == failures_.end() ? nullptr : &at->second;
    }

    std::map<std::string, entry> entries_{};
    std::map<std::string, error> failures_{};
    std::map<std::string, std::uint64_t> locked_{};  ///< the lock's number: one on a removed file no longer counts
    std::uint64_t locks_{};
};

}  // namespace powerconsul::inline v0::testing
