#pragma once

#include <concepts>

#include <powerconsul/core/time.hpp>

namespace powerconsul::inline v0 {

enum class file_kind : unsigned char { regular, directory, symlink, other };

struct file_status {
    file_kind kind{file_kind::other};  ///< of the path itself: a symbolic link is not followed
    std::uint32_t mode{};              ///< permission bits, 07777 at most
    std::uint32_t uid{};
    std::uint32_t gid{};
    std::uint64_t size{};     ///< bytes
    std::int64_t modified{};  ///< seconds since 1970-01-01 UTC
    std::int64_t changed{};   ///< the same, of content, owner, mode or name: nobody can set it back
    std::uint64_t links{1};   ///< hard links: how many names it has
};

/// What an open file is and holds: nobody can change the one between looking at it and reading the other.
struct opened_file {
    file_status status{};
    std::string bytes{};
};

/// Reads files. Three answers each: a value, std::nullopt for "it is not there", an error for "cannot tell". A file of
/// /proc whose process has ended is not there, even if it could still be opened.
/// `read` follows no symbolic link in the last component, reads regular files only (never a FIFO or a device), and
/// refuses more than `limit` bytes with errc::bad_data.
template <typename T>
concept file_source = requires(T& files, const std::string& path, std::size_t limit) {
    { files.status(path) } -> std::same_as<result<std::optional<file_status>>>;
    { files.read(path, limit) } -> std::same_as<result<std::optional<std::string>>>;
    { files.user() } -> std::same_as<std::uint32_t>;  ///< the effective user id of this process
};

/// Also reads what the kernel tells of a process, such as /proc/<pid>/comm, in fewer steps than any file needs. It
/// gives what `read` gives.
template <typename T>
concept process_file_source = file_source<T> && requires(T& files, const std::string& path, std::size_t limit) {
    { files.read_of_process(path, limit) } -> std::same_as<result<std::optional<std::string>>>;
};

/// Also reads what a person named: there symbolic links are followed, and what they lead to is described. errc::denied:
/// this user cannot open that path, now or later; errc::io: the system could not read it just now. `group` is the
/// effective group id of this process.
template <typename T>
concept named_file_source = file_source<T> && requires(T& files, const std::string& path, std::size_t limit) {
    { files.read_named(path, limit) } -> std::same_as<result<std::optional<opened_file>>>;
    { files.group() } -> std::same_as<std::uint32_t>;
};

/// Also lists directories: the names in one, without `.` and `..`, in no order. No directory, and one that holds more
/// than `limit` names, is errc::bad_data. A symbolic link to a directory is one here.
template <typename T>
concept directory_source = file_source<T> && requires(T& files, const std::string& path, std::size_t limit) {
    { files.list(path, limit) } -> std::same_as<result<std::optional<std::vector<std::string>>>>;
};

/// Whether what was written outlives a power failure.
enum class durability : unsigned char {
    flushed,  ///< from the moment at which the call returns
    later     ///< at some time, as the system likes: until then the file may come back old, empty or cut off
};

/// Also writes them. `replace` puts a whole file in place at once (mode 0600) or leaves the old one, however the
/// process ends; `make_directory` makes one directory (mode 0700) and is content if there is one already.
template <typename T>
concept file_store = file_source<T> &&
    requires(T& files, const std::string& path, std::string_view bytes, std::uint32_t mode) {
    { files.replace(path, bytes) } -> std::same_as<result<void>>;  ///< flushed
    { files.replace(path, bytes, mode, durability::later) } -> std::same_as<result<void>>;
    { files.make_directory(path) } -> std::same_as<result<void>>;
};

/// Also locks and deletes. `lock` waits at most that long for an exclusive lock on a file, which it makes (mode 0600,
/// never through a symbolic link) where it is missing, and gives something that can be moved and that holds the lock
/// until it is destroyed; the end of the process, however it comes, releases it, and no child inherits it.
/// errc::timed_out: somebody else held it all the time. `remove` deletes a file, and is content if there is none; a
/// lock's file may be deleted by whoever holds it.
template <typename T>
concept locking_file_store = file_store<T> && directory_source<T> &&
    requires(T& files, const std::string& path, milliseconds wait) {
    typename T::lock_type;
    { files.lock(path, wait) } -> std::same_as<result<typename T::lock_type>>;
    { files.remove(path) } -> std::same_as<result<void>>;
};

}  // namespace powerconsul::inline v0
