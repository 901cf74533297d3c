// covers: core/time.hpp core/text.hpp core/base64.hpp consul/address.hpp adapters/httplib/channel.hpp
// cluster/identity.hpp ports/trust.hpp lint/keys.hpp config/settings.hpp ports/log.hpp consul/connection.hpp
// store/requests.hpp probes/service/service_manager.hpp probes/http.hpp heal/pause.hpp
#include <powerconsul/consul/address.hpp>

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include <powerconsul/adapters/httplib/channel.hpp>
#include <powerconsul/cluster/identity.hpp>
#include <powerconsul/config/settings.hpp>
#include <powerconsul/consul/connection.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/heal/pause.hpp>
#include <powerconsul/lint/keys.hpp>
#include <powerconsul/ports/log.hpp>
#include <powerconsul/ports/trust.hpp>
#include <powerconsul/probes/http.hpp>
#include <powerconsul/probes/service/service_manager.hpp>
#include <powerconsul/store/requests.hpp>

#include "fuzz.hpp"

using namespace powerconsul;

namespace {

template <typename T>
void has_reason(const result<T>& refused) {
    if (refused) return;
    const auto& why = refused.error();
    fuzz::expect(!why.message.empty() && fuzz::is_one_line(why.message) && is_utf8(why.message), "no reason",
                 why.message);
}

void numbers(std::string_view text) {
    std::uint64_t number{};
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool sound = !text.empty() && failure == std::errc{} && end == text.data() + text.size();
    const auto read = whole_number(text);
    fuzz::expect(read.has_value() == sound && (!read || *read == number), "another number", text);
    for (const auto& time : {parse_duration(text), parse_long_duration(text, 36'500)}) {
        has_reason(time);
        fuzz::expect(!time || (time->count >= 0 && time->count <= std::int64_t{36'500} * 86'400'000), "no time", text);
    }
    has_reason(parse_count<100>(text));
    has_reason(parse_boolean(text));
    has_reason(parse_takeover(text));
    has_reason(parse_unknown_exit(text));
    has_reason(parse_event_level(text));
    has_reason(parse_log_format(text));
    has_reason(parse_service_manager(text));
}

void addresses(std::string_view text) {
    const auto where = parse_address(text);
    has_reason(where);
    if (where) {
        const auto again = parse_address(to_string(*where));
        fuzz::expect(again && *again == *where, "another address", to_string(*where), text);
        fuzz::expect(where->scheme == address_scheme::unix_socket || (where->port != 0 && !where->host.empty()),
                     "nowhere", text);
    } else if (const auto at = text.rfind('@'); at != std::string_view::npos && at >= 8) {
        // What stands before an @ is a name and its password.
        const auto secret = text.substr(0, at);
        const auto tells = [&](const result<address>& why) {
            return !why && why.error().message.find(secret) != std::string::npos;
        };
        // Unless it is among the message's own words, or stands behind the @ too.
        fuzz::expect(!tells(where) || tells(parse_address("another" + std::string{text.substr(at)})),
                     "it tells the password", text);
    }
    const consul_access access{.token = std::string{text}, .basic_auth = std::string{text}};
    has_reason(check_access(access));
    const std::string target = scoped_target("/v1/kv/a?dc=b", {.name_space = std::string{text}});
    fuzz::expect(fuzz::is_one_line(target) && target.find(' ') == std::string::npos, "no target", target);
}

void web_addresses(std::string_view text) {
    const auto where = parse_web_address(text);
    has_reason(where);
    if (where) {
        const auto again = parse_web_address(where->origin() + where->target);
        fuzz::expect(again && again->origin() == where->origin() && again->target == where->target, "another address",
                     text);
        fuzz::expect(where->port != 0 && !where->host.empty() && where->target.starts_with('/'), "nowhere", text);
    }
    const auto range = parse_status_range(text);
    has_reason(range);
    fuzz::expect(!range || (range->least >= 100 && range->least <= range->most && range->most < 600), "no range", text);
}

void names(std::string_view text) {
    const auto parts = split_host_name(text);
    fuzz::expect(text.find(parts.environment) != std::string_view::npos, "another environment", text);
    fuzz::expect(same_host(text, text) && same_node(text, text), "not itself", text);
    const auto valid = validate_segment("the name", text);
    has_reason(valid);
    const auto key = document_key("cluster/production/", text);
    fuzz::expect(key.has_value() == valid.has_value(), "a key out of no name", text);
    has_reason(document_key(text, "web"));
    if (valid) {
        // As a segment of a path it stays one.
        fuzz::expect(percent_decoded(percent_encoded(text)) == std::string{text}, "not what was encoded", text);
        fuzz::expect(is_clean_path('/' + *key), "another key for Consul", *key);
    }
    has_reason(validate_local_service(text));
    const key_bases bases{.cluster = std::string{text.substr(0, 40)}};
    for (const auto& each : {classify_key({}, text), classify_key(bases, text), classify_key({}, text, true)}) {
        fuzz::expect((each.kind == key_kind::misplaced) == !each.why.empty(), "misplaced without a word", text);
        const bool read = each.kind == key_kind::document || each.kind == key_kind::trigger;
        fuzz::expect(!read || validate_segment("", each.service), "no service", text);
    }
}

/// Whatever cannot be read holds, and whatever is read can be read again.
void pauses(std::string_view text) {
    if (const auto time = parse_time(text)) {
        fuzz::expect(parse_time(utc_time(*time)) == time, "another time", text);
    }
    const auto read = json::decode_pause(text);
    has_reason(read);
    const milliseconds now = read ? read->since : milliseconds{};
    const std::string reason = pause_reason(text, "/a", "powerconsul resume", now);
    fuzz::expect(!reason.empty() && fuzz::is_one_line(reason) && is_utf8(reason), "no reason", reason, text);
    if (!read) return;
    const auto again = json::decode_pause(json::encode_pause(*read));
    fuzz::expect(again && *again == *read, "another pause", text);
    fuzz::expect(pause_reason(text, "/a", "", read->until).empty(), "it has no end", text);
    fuzz::expect(read->until - read->since <= longest_pause, "it is too long", text);
}

void urls(std::string_view text) {
    if (const auto decoded = percent_decoded(text)) {
        fuzz::expect(percent_decoded(percent_encoded(*decoded)) == *decoded, "not what was encoded", text);
    }
    const std::string cleaned = cleaned_path(text);
    const auto again = percent_decoded(cleaned);
    fuzz::expect(again && is_clean_path(*again), "not clean", cleaned, text);
    fuzz::expect(cleaned_path(*again) == cleaned, "not clean at once", cleaned, text);
    static_cast<void>(query_parameter(text, "dc"));
}

void texts(std::string_view text) {
    for (const std::size_t limit : {std::size_t{3}, std::size_t{10}, std::size_t{200}}) {
        const std::string line = one_line(text, limit);
        fuzz::expect(fuzz::is_one_line(line) && is_utf8(line) && line.size() <= limit, "no line", line, text);
        fuzz::expect(one_line(line, limit) == line, "not one line at once", line, text);
    }
    const std::string_view half = text.substr(0, text.size() / 2);
    const std::size_t distance = edit_distance(half, text.substr(half.size()));
    fuzz::expect(edit_distance(text.substr(half.size()), half) == distance, "not as far back", text);
    fuzz::expect((distance == 0) == (half == text.substr(half.size())), "no distance", text);
    const auto place = position_of(text, text.size());
    fuzz::expect(place.line >= 1 && place.column >= 1 && place.column <= text.size() + 1, "no place", text);
    const std::string certificates = pem_certificates(text);
    fuzz::expect(pem_certificates(certificates) == certificates, "other certificates", text);
    fuzz::expect(certificates.find("PRIVATE") == std::string::npos ||
                     certificates.find("BEGIN CERTIFICATE") < certificates.find("PRIVATE"),
                 "a key among certificates", text);
}

/// What nobody but its owner can read has no world's bits, whoever asks.
void secrets(std::string_view text) {
    fuzz::choices pick{text};
    const file_status file{.mode = pick.of(256) * 2U, .uid = pick.of(3), .gid = pick.of(3)};
    const file_reader reader{pick.of(3), pick.of(3)};
    const auto how = exposure_of(file, reader);
    const bool open = (file.mode & 0007U) != 0 || (file.mode & 0020U) != 0;
    fuzz::expect(!open || !how.empty(), "open, and nobody says so", octal_mode(file.mode));
    const auto why = exposed_file(how, "the token file", "/a", file, "root", "root");
    fuzz::expect(why.reason.code == errc::configuration && fuzz::is_one_line(why.reason.message), "no reason",
                 why.reason.message);
}

/// Any text.
void run(std::string_view text) {
    numbers(text);
    addresses(text);
    web_addresses(text);
    names(text);
    pauses(text);
    urls(text);
    if (text.size() < 2000) texts(text);
    secrets(text);
}

const fuzz::enlisted here{"decoders", run};

}  // namespace
