#pragma once

#include <powerconsul/decision/terms.hpp>
#include <powerconsul/json/members.hpp>
#include <powerconsul/ports/trust.hpp>

namespace powerconsul::inline v0 {

/// What a standby remembers of its actives from look to look. Times count on the clock of this boot (CLOCK_BOOTTIME).
struct standby_memory {
    actives seen{actives::unknown};                ///< at the last look
    milliseconds since{};                          ///< when the first of the looks was that have seen the same
    milliseconds since_wall{};                     ///< the same on the wall clock, for people
    std::map<std::string, std::int64_t> absent{};  ///< actives that are not registered, and since when (milliseconds)
    std::map<std::string, std::int64_t> silent{};  ///< checks that do not seem to have run, and since when
    /// Actives, and in which datacenter they were seen last; where those of a datacenter count, one that serves.
    std::map<std::string, std::string> homes{};
    /// Actives, and how the catalog spells them where the document does not: with or without a domain.
    std::map<std::string, std::string> names{};
    /// When the actives were last looked for under each name that means them, which is done while none serves.
    milliseconds listed{};
    std::string here{};  ///< the agent's own datacenter, if it is not configured and was asked for

    friend bool operator==(const standby_memory&, const standby_memory&) = default;
};

/// What was last read of a service's role: for the time when Consul cannot be read, and to tell for how long something
/// has been so.
struct last_known {
    std::string key{};         ///< of the cluster document
    std::string node{};        ///< the name under which this node looked for itself
    std::string datacenter{};  ///< the one that was asked; empty for the agent's own
    std::string cluster{};     ///< who was asked, if not the agent of this machine
    role own{role::unknown};
    expectation expects{expectation::unknown};  ///< of an unknown role: what this node goes on with as a standby
    std::uint64_t document{};                   ///< the document's ModifyIndex, 0 if there was none
    std::string boot{};                         ///< the id of the boot whose clock the times are of
    milliseconds at{};                          ///< on the clock of that boot
    standby_memory standby{};

    /// Whether all but the time is equal.
    [[nodiscard]] auto says_the_same_as(const last_known& other) const -> bool {
        return is_about_the_same(other) && own == other.own && expects == other.expects && document == other.document &&
               boot == other.boot && standby == other.standby;
    }

    friend bool operator==(const last_known&, const last_known&) = default;

    /// Whether both are about one document, node and cluster.
    [[nodiscard]] auto is_about_the_same(const last_known& other) const -> bool {
        return key == other.key && node == other.node && datacenter == other.datacenter && cluster == other.cluster;
    }
};

}  // namespace powerconsul::inline v0

namespace powerconsul::inline v0::json {

namespace detail {

void last_known_members(auto io, auto& known) {
    io.text("key", known.key);
    io.text("node", known.node);
    io.text("datacenter", known.datacenter, false);
    io.text("cluster", known.cluster, false);
    io.name("role", known.own, role::secondary);
    io.name("expects", known.expects, expectation::either);
    io.number("document", known.document, -1);
    io.text("boot", known.boot, false);
    io.number("at", known.at.count, -1);
    io.name("actives", known.standby.seen, actives::serving);
    io.number("since", known.standby.since.count);
    io.number("since_wall", known.standby.since_wall.count);
    io.map("absent", known.standby.absent);
    io.map("silent", known.standby.silent);
    io.map("homes", known.standby.homes);
    io.map("names", known.standby.names);
    io.number("listed", known.standby.listed.count);
    io.text("here", known.standby.here, false);
}

}  // namespace detail

[[nodiscard]] inline auto encode_last_known(const last_known& known) -> std::string {
    writer text;
    text.open_object();
    detail::last_known_members(member_writer{text}, known);
    return text.close_object().text() + '\n';
}

/// Fails with errc::bad_data on anything that `encode_last_known` would not have written.
[[nodiscard]] inline auto decode_last_known(std::string_view text) -> result<last_known> {
    const auto root = parse(text);
    if (!root) return unexpected{root.error()};
    last_known known;
    detail::last_known_members(member_reader{*root}, known);
    // Whoever has the active's place expects running, whatever a record says; only a standby has a choice.
    const bool possible = (known.own == role::secondary || known.expects == expectation::running ||
                           (known.own == role::unknown && known.expects != expectation::either)) &&
                          (known.own != role::standalone || known.document == 0);
    if (possible && encode_last_known(known) == text) return known;
    return fail(errc::bad_data, "the record of the last known role is damaged");
}

}  // namespace powerconsul::inline v0::json

namespace powerconsul::inline v0 {

[[nodiscard]] inline auto last_known_file(const std::string& state_dir, std::string_view service) -> std::string {
    return state_dir + "/last-known/" + percent_encoded(service) + ".json";
}

/// The last known role of a service, from last_known_file(); nothing if there is no record. Whoever may write there
/// decides what this node does while Consul is away, so the directories must belong to root or to the user that runs
/// this, must be writable by the owner only, and must not be symbolic links; else nothing is read and nothing written.
/// Fails with errc::bad_data if the record is damaged, errc::io if it cannot be read, and errc::denied if its file or
/// directories are not to be trusted.
template <file_store Files>
[[nodiscard]] auto load_last_known(Files& files, const std::string& state_dir, std::string_view service)
    -> result<std::optional<last_known>> {
    const std::string path = last_known_file(state_dir, service);
    for (const auto& directory : {state_dir, state_dir + "/last-known"}) {
        const auto trust = trusted_directory(files, directory);
        if (!trust) return unexpected{trust.error()};
        if (!*trust) return std::optional<last_known>{};
    }
    const auto status = files.status(path);
    if (!status) return unexpected{status.error()};
    if (*status && (*status)->kind == file_kind::regular && !only_ours(files, **status)) {
        return fail(errc::denied, path + " belongs to another user or can be written by others; delete it");
    }
    const auto text = files.read(path, std::size_t{8} << 20U);
    if (!text) return unexpected{text.error()};
    if (!*text) return std::optional<last_known>{};
    auto known = json::decode_last_known(**text);
    if (!known) return fail(errc::bad_data, path + ": " + known.error().message);
    return std::optional<last_known>{std::move(*known)};
}

/// Makes the directories of the records (not their parents) where they are missing. Fails with errc::io, or
/// errc::denied where they are not to be trusted.
template <file_store Files>
[[nodiscard]] auto make_last_known_directory(Files& files, const std::string& state_dir) -> result<void> {
    for (const auto& directory : {state_dir, state_dir + "/last-known"}) {
        if (auto trust = make_trusted_directory(files, directory); !trust) return trust;
    }
    return {};
}

/// Replaces the record; makes the directories where they are missing. One that a power failure has cut off or emptied
/// is damaged, and thus none.
template <file_store Files>
[[nodiscard]] auto save_last_known(Files& files, const std::string& state_dir, std::string_view service,
                                   const last_known& known, durability how = durability::flushed) -> result<void> {
    if (auto made = make_last_known_directory(files, state_dir); !made) return made;
    return files.replace(last_known_file(state_dir, service), json::encode_last_known(known), 0600, how);
}

}  // namespace powerconsul::inline v0
