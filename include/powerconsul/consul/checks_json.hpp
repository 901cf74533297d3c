#pragma once

#include <array>
#include <utility>

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <powerconsul/consul/health.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/json/skim.hpp>
#include <powerconsul/json/value.hpp>

namespace powerconsul::inline v0 {

/// A check as Consul tells of it: to the handler of a watch, to `trigger`, or of the local agent.
struct snapshot_check {
    std::string node{};
    std::string check_id{};
    std::string name{};
    std::string status{};
    std::string output{};  ///< at most the last longest_check_output bytes
    std::string service_id{};
    std::string service_name{};  ///< empty for a check of the node
    std::string peer{};          ///< the peer from which the check was imported; empty for the cluster's own
    std::string partition{};     ///< of Consul Enterprise; empty where Consul does not say so
    std::string name_space{};    ///< of Consul Enterprise; empty where Consul does not say so
    std::uint64_t create_index{};
    std::uint64_t modify_index{};
    std::string interval{};  ///< from one run to the next, as Go writes it; empty where Consul does not say, as 1.8.7
};

/// Which checks of a list are a node's: a name is one node's only within a partition, and not among those of peers.
struct own_checks {
    std::string node{};
    std::string partition{};   ///< if empty, `default`
    std::string name_space{};  ///< if empty, `default`

    friend bool operator==(const own_checks&, const own_checks&) = default;

    /// What a check does not say is that it is in `default`, as all are where Consul is not Enterprise.
    [[nodiscard]] auto hold(const snapshot_check& check) const -> bool {
        const auto or_default = [](const std::string& name) -> std::string_view {
            return name.empty() ? std::string_view{"default"} : name;
        };
        return check.node == node && check.peer.empty() && or_default(check.partition) == or_default(partition) &&
               or_default(check.name_space) == or_default(name_space);
    }
};

inline constexpr std::size_t longest_check_output = 4096;  ///< bytes, as many as Consul keeps

}  // namespace powerconsul::inline v0

namespace powerconsul::inline v0::json {

namespace detail {

enum class check_layout : unsigned char { list, by_id, single };

/// Takes checks out of RapidJSON's events. Nothing of other nodes' checks is kept once their node has been read.
class check_reader : public no_numbers {
public:
    /// `depth`: brackets that are open before the stream begins.
    check_reader(std::string_view text, const rapidjson::MemoryStream& stream, check_layout layout,
                 const own_checks& own, std::size_t depth = 0)
        : text_{text}, stream_{&stream}, layout_{layout}, own_{own}, depth_{depth} {}

    auto Null() -> bool { return scalar(kind::null, {}); }
    auto Bool(bool) -> bool { return scalar(kind::boolean, {}); }
    auto RawNumber(const char* s, rapidjson::SizeType n, bool) -> bool { return scalar(kind::number, {s, n}); }
    auto String(const char* s, rapidjson::SizeType n, bool) -> bool { return scalar(kind::string, {s, n}); }
    auto StartObject() -> bool { return open(kind::object); }
    auto StartArray() -> bool { return open(kind::array); }
    auto EndObject(rapidjson::SizeType) -> bool { return close(); }
    auto EndArray(rapidjson::SizeType) -> bool { return close(); }
    auto Key(const char* s, rapidjson::SizeType n, bool) -> bool {
        const std::string_view name{s, n};
        if (depth_ == inside()) {
            field_ = 0;
            while (field_ < fields.size() && fields[field_].name != name) ++field_;
        } else if (depth_ < inside()) {
            id_ = name;
            seen_ = stream_->Tell();
        }
        return true;
    }

    [[nodiscard]] auto complaint() const -> const std::string& { return complaint_; }
    [[nodiscard]] auto take() -> std::vector<snapshot_check> { return std::move(found_); }

private:
    struct field {
        std::string_view name;
        std::string snapshot_check::*text;
        std::uint64_t snapshot_check::*index;
    };
    static constexpr std::array<field, 13> fields{{
        {"Node", &snapshot_check::node, nullptr},
        {"CheckID", &snapshot_check::check_id, nullptr},
        {"Status", &snapshot_check::status, nullptr},
        {"ServiceName", &snapshot_check::service_name, nullptr},
        {"ServiceID", &snapshot_check::service_id, nullptr},
        {"Name", &snapshot_check::name, nullptr},
        {"Output", &snapshot_check::output, nullptr},
        {"PeerName", &snapshot_check::peer, nullptr},
        {"Partition", &snapshot_check::partition, nullptr},
        {"Namespace", &snapshot_check::name_space, nullptr},
        {"Interval", &snapshot_check::interval, nullptr},
        {"CreateIndex", nullptr, &snapshot_check::create_index},
        {"ModifyIndex", nullptr, &snapshot_check::modify_index},
    }};
    static constexpr std::size_t node_field = 0;

    /// How many brackets are open where a check's members stand.
    [[nodiscard]] auto inside() const -> std::size_t { return layout_ == check_layout::single ? 1 : 2; }

    auto scalar(kind type, std::string_view text) -> bool {
        if (depth_ < inside()) return misplaced(type);
        return depth_ > inside() || member(type, text);
    }
    auto open(kind type) -> bool {
        if (depth_ < inside()) {
            const bool list = depth_ == 0 && layout_ == check_layout::list;
            if (type != (list ? kind::array : kind::object)) return misplaced(type);
            seen_ = stream_->Tell() + 1;
            if (depth_ + 1 == inside()) begin();
        } else if (depth_ == inside() && !member(type, {})) {
            return false;
        }
        ++depth_;
        return true;
    }
    auto close() -> bool {
        --depth_;
        if (depth_ + 1 != inside()) return true;
        seen_ = stream_->Tell();
        return end();
    }

    auto refuse(const std::string& where, std::size_t offset, const std::string& what) -> bool {
        complaint_ = where + " at " + position(text_, offset) + ": " + what;
        return false;
    }
    auto misplaced(kind type) -> bool {
        const std::size_t at = text_.find_first_not_of(" \t\r\n,:]}", seen_);
        const std::string found = "found " + std::string{described(type)};
        if (depth_ != 0 || layout_ == check_layout::single) {
            return refuse(depth_ != 0 ? "a check" : "the check", at, "expected an object, " + found);
        }
        if (layout_ == check_layout::by_id) return refuse("the list", at, "expected an object by check id, " + found);
        const std::string hint = type == kind::null ? ", which a watch of type \"key\" gives" : std::string{};
        return refuse("the list", at, "expected the list that a watch of type \"checks\" gives, " + found + hint);
    }

    void begin() {
        current_ = {};
        began_ = stream_->Tell();
        had_ = 0;
        problem_.clear();
        others_ = false;
        named_ = false;
    }

    auto member(kind type, std::string_view text) -> bool {
        if (field_ == fields.size() || (others_ && field_ != node_field)) return true;
        const field& which = fields[field_];
        const std::uint32_t bit = 1U << field_;
        const auto wrong = [&](std::string_view what) {
            if (problem_.empty()) problem_ = std::string{which.name} + ' ' + std::string{what};
        };
        if ((had_ & bit) != 0) {
            wrong("comes twice");
            // With two Node members, it cannot be told which node the check belongs to.
            return field_ != node_field || refuse("a check", began_, "Node comes twice");
        }
        had_ |= bit;
        if (type == kind::null) return true;
        if (which.index != nullptr) {
            const auto number = type == kind::number ? whole_number(text) : std::nullopt;
            if (!number) wrong("is no whole number");
            current_.*which.index = number.value_or(0);
            return true;
        }
        // Nothing is decided by it: what is no text is left out.
        if (which.text == &snapshot_check::interval) {
            if (type == kind::string && is_utf8(text)) current_.interval = text;
            return true;
        }
        const bool is_output = which.text == &snapshot_check::output;
        if (type != kind::string) {
            wrong("should be a text and is " + std::string{described(type)});
        } else if (!is_output && !is_utf8(text)) {
            wrong("has half of a surrogate pair");
        } else if (is_output && text.size() > longest_check_output) {
            text.remove_prefix(text.size() - longest_check_output);
            while (!text.empty() && (static_cast<unsigned char>(text.front()) & 0xC0U) == 0x80) text.remove_prefix(1);
            current_.output = text;
        } else {
            current_.*which.text = text;
            named_ = named_ || which.text == &snapshot_check::service_name;
        }
        if (field_ == node_field) others_ = layout_ == check_layout::list && current_.node != own_.node;
        return true;
    }

    auto end() -> bool {
        if (layout_ == check_layout::list) {
            if (current_.node.empty()) {
                return refuse("a check", began_, "has no Node; is the watch one of type \"checks\"?");
            }
            if (!own_.hold(current_)) return true;
        }
        const bool single = layout_ == check_layout::single;
        const std::string where = single                           ? "the check"
                                  : !current_.check_id.empty()     ? "the check " + quoted(current_.check_id)
                                  : layout_ == check_layout::by_id ? "the check " + quoted(id_)
                                                                   : "a check of this node";
        if (!problem_.empty()) return refuse(where, began_, problem_);
        if (layout_ == check_layout::by_id && current_.check_id.empty()) current_.check_id = id_;
        if (!single && current_.check_id.empty()) return refuse(where, began_, "CheckID is missing");
        if (!single && current_.status.empty()) return refuse(where, began_, "Status is missing");
        // A node's own check has the member, and it is empty.
        if ((!named_ && layout_ != check_layout::by_id) || (single && current_.service_name.empty())) {
            return refuse(where, began_, "ServiceName is missing");
        }
        const bool maintenance = check_health(current_.check_id, current_.status) == health::maintenance;
        if (layout_ == check_layout::list && (maintenance || current_.service_name.empty())) return true;
        if (current_.service_id.empty()) current_.service_id = current_.service_name;
        found_.push_back(std::move(current_));
        return true;
    }

    std::string_view text_;
    const rapidjson::MemoryStream* stream_;
    check_layout layout_;
    const own_checks& own_;
    std::vector<snapshot_check> found_{};
    snapshot_check current_{};
    std::string id_{};       // the name under which the current check stands
    std::string problem_{};  // of the current check, which counts only if it is one that is asked for
    std::string complaint_{};
    std::size_t depth_;
    std::size_t field_{};  // the member whose value comes next
    std::size_t began_{};
    std::size_t seen_{};   // behind what has been read outside of checks
    std::uint32_t had_{};  // bits of the members that were there
    bool others_{};        // the current check is another node's
    bool named_{};         // it has a ServiceName, perhaps an empty one
};

[[nodiscard]] inline auto read_checks(std::string_view text, check_layout layout, const own_checks& own)
    -> result<std::vector<snapshot_check>> {
    const std::string wanted = "; expected the list that a watch of type \"checks\" gives";
    if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
        return fail(errc::bad_data, "not valid JSON at " + position(text, nul) + ": a NUL byte; remove it");
    }
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
        return fail(errc::bad_data, layout == check_layout::list ? "empty" + wanted : "empty; expected a JSON object");
    }
    if (text.starts_with("\xEF\xBB\xBF")) {
        return fail(errc::bad_data, "not valid JSON at " + position(text, 0) +
                                        ": a byte order mark; save the text as UTF-8 without one");
    }
    rapidjson::MemoryStream stream{text.data(), text.size()};
    check_reader handler{text, stream, layout, own};
    throwing_reader reader;
    const rapidjson::ParseResult outcome = reader.Parse<reader_flags>(stream, handler);
    if (!handler.complaint().empty()) return fail(errc::bad_data, handler.complaint());
    if (!outcome.IsError()) return handler.take();
    const bool cut_off = stream.Tell() >= text.size();
    const parse_error why = cut_off ? parse_error{text.size(), "the text ends too early; it was cut off"}
                                    : explained(outcome.Code(), outcome.Offset(), text);
    return fail(errc::bad_data, "not valid JSON at " + position(text, why.offset) + ": " + why.what +
                                    (cut_off || layout != check_layout::list ? "" : wanted));
}

}  // namespace detail

/// What a Consul watch of type `checks` writes to its handler, gone through once. Time grows with the text; memory by
/// half a megabyte at most, and with what is found.
class snapshot {
public:
    /// The text must outlive it, and need not be sound.
    explicit snapshot(std::string_view text) : text_{text} {
        skimmer at{text};
        const bool whole = at.elements([&] {
            at.skip_blanks();
            const std::size_t begin = at.tell();
            std::string_view node;
            if (!entry(at, node)) return false;
            const bool more = runs_.size() < most_runs;
            if (runs_.empty() || (more && runs_.back().node != node)) runs_.push_back({begin, node});
            return true;
        });
        at.skip_blanks();
        skimmed_ = whole && at.at_end();
    }

    /// The text must outlive it. Fails with errc::bad_data and the place: no JSON, no list, an entry that is no object
    /// or has no node.
    [[nodiscard]] static auto read(std::string_view text) -> result<snapshot> {
        snapshot made{text};
        if (made.skimmed_) return made;
        made.runs_ = {};
        auto sound = detail::read_checks(text, detail::check_layout::list, {});
        if (!sound) return unexpected{std::move(sound).error()};
        return made;
    }

    /// The checks of a node: those of a service, and no maintenance. A service id that is missing is the service's
    /// name; indexes that are missing are 0. Fails with errc::bad_data and the place: an entry of this node without
    /// CheckID, Status or ServiceName, with one of these members twice or of a wrong type. Of another node's entries
    /// only the node is looked at.
    [[nodiscard]] auto checks_of(const own_checks& own) const -> result<std::vector<snapshot_check>> {
        std::vector<snapshot_check> found;
        if (skimmed_ && find(own, found)) return found;
        // This says what is wrong, and where.
        return detail::read_checks(text_, detail::check_layout::list, own);
    }

private:
    /// Entries of one node that stand side by side, up to where the next run begins. Consul sorts by node.
    struct run {
        std::size_t begin{};
        std::string_view node{};
    };
    static constexpr std::size_t most_runs = 16'384;  // the last one holds all that follows, of whatever nodes

    /// Steps over one entry and gives its node. False means "not known", as everywhere in the skimmer.
    [[nodiscard]] static auto entry(skimmer& at, std::string_view& node) -> bool {
        bool named = false;  // with an empty name, too: another one after it would be a second
        const bool object = at.members([&](std::string_view name) {
            if (name != "Node") return at.value(2);
            return !std::exchange(named, true) && at.plain_string(node);
        });
        return object && !node.empty();
    }

    [[nodiscard]] auto find(const own_checks& own, std::vector<snapshot_check>& found) const -> bool {
        detail::throwing_reader reader;
        for (std::size_t i = 0; i < runs_.size(); ++i) {
            const bool mixed = i + 1 == most_runs;
            if (runs_[i].node != own.node && !mixed) continue;
            const std::size_t end = i + 1 < runs_.size() ? runs_[i + 1].begin : text_.size();
            skimmer at{text_.substr(0, end), runs_[i].begin};
            do {
                at.skip_blanks();
                const std::size_t begin = at.tell();
                std::string_view whose;
                if (at.at_end()) break;
                if (!entry(at, whose)) return false;
                if (whose != own.node) continue;
                const auto text = text_.substr(begin, at.tell() - begin);
                rapidjson::MemoryStream stream{text.data(), text.size()};
                detail::check_reader handler{text, stream, detail::check_layout::list, own, 1};
                if (reader.Parse<detail::reader_flags>(stream, handler).IsError()) return false;
                for (auto& each : handler.take()) found.push_back(std::move(each));
            } while (at.take(','));
        }
        return true;
    }

    std::string_view text_;
    std::vector<run> runs_{};
    bool skimmed_{};
};

/// One check, of which only ServiceName must be there. Fails with errc::bad_data and the place.
[[nodiscard]] inline auto decode_check(std::string_view text) -> result<snapshot_check> {
    return detail::read_checks(text, detail::check_layout::single, {}).transform([](auto&& one) {
        return std::move(one.front());
    });
}

/// `GET /v1/agent/checks`: all checks of the local agent, those of the node too. Fails with errc::bad_data.
[[nodiscard]] inline auto decode_agent_checks(std::string_view body) -> result<std::vector<snapshot_check>> {
    return detail::read_checks(body, detail::check_layout::by_id, {});
}

}  // namespace powerconsul::inline v0::json
