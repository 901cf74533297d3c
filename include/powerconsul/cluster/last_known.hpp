#pragma once

#include <powerconsul/decision/terms.hpp>
#include <powerconsul/json/members.hpp>
#include <powerconsul/ports/trust.hpp>

namespace powerconsul::inline v0 {

/// What was last read of a service's role, for the time when Consul cannot be read.
struct last_known {
    std::string key{};   ///< of the cluster document
    std::string node{};  ///< the name under which this node looked for itself
    role own{role::unknown};
    expectation expects{expectation::unknown};
    std::uint64_t document{};  ///< the document's ModifyIndex, 0 if there was none
    milliseconds at{};         ///< wall clock

    /// Whether all but the time is equal.
    [[nodiscard]] auto says_the_same_as(const last_known& other) const -> bool {
        return key == other.key && node == other.node && own == other.own && expects == other.expects &&
               document == other.document;
    }
};

}  // namespace powerconsul::inline v0

namespace powerconsul::inline v0::json {

namespace detail {

void last_known_members(auto io, auto& known) {
    io.text("key", known.key);
    io.text("node", known.node);
    io.name("role", known.own, role::secondary);
    io.name("expects", known.expects, expectation::running);
    io.number("document", known.document, -1);
    io.number("at", known.at.count, -1);
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
    const bool undecided = known.own == role::unknown;
    // Whoever has the active's place expects running, whatever a record says; only a standby has a choice.
    const bool possible = undecided == (known.expects == expectation::unknown) &&
                          (undecided || known.own == role::secondary || known.expects == expectation::running) &&
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
    const auto text = files.read(path, 16 * 1024);
    if (!text) return unexpected{text.error()};
    if (!*text) return std::optional<last_known>{};
    auto known = json::decode_last_known(**text);
    if (!known) return fail(errc::bad_data, path + ": " + known.error().message);
    return std::optional<last_known>{std::move(*known)};
}

/// Replaces the record; makes the directories (not their parents) where they are missing.
template <file_store Files>
[[nodiscard]] auto save_last_known(Files& files, const std::string& state_dir, std::string_view service,
                                   const last_known& known) -> result<void> {
    for (const auto& directory : {state_dir, state_dir + "/last-known"}) {
        if (auto trust = make_trusted_directory(files, directory); !trust) return trust;
    }
    return files.replace(last_known_file(state_dir, service), json::encode_last_known(known));
}

}  // namespace powerconsul::inline v0
