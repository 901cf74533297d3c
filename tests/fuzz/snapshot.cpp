// covers: consul/checks_json.hpp json/skim.hpp checks/report_json.hpp consul/check_output.hpp heal/report_text.hpp
#include <powerconsul/consul/checks_json.hpp>

#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/checks/report_json.hpp>
#include <powerconsul/heal/report_text.hpp>
#include <powerconsul/json/value.hpp>

#include "fuzz.hpp"

using namespace powerconsul;

namespace {

[[nodiscard]] auto same(const snapshot_check& a, const snapshot_check& b) -> bool {
    return a.node == b.node && a.check_id == b.check_id && a.name == b.name && a.status == b.status &&
           a.output == b.output && a.service_id == b.service_id && a.service_name == b.service_name &&
           a.peer == b.peer && a.partition == b.partition && a.name_space == b.name_space &&
           a.create_index == b.create_index && a.modify_index == b.modify_index;
}

void expect_same(const result<std::vector<snapshot_check>>& quick, const result<std::vector<snapshot_check>>& slow,
                 std::string_view text) {
    fuzz::expect(quick.has_value() == slow.has_value(), "the quick reader and RapidJSON differ", text,
                 quick ? slow.error().message : quick.error().message);
    if (!quick) {
        fuzz::expect(quick.error() == slow.error(), "other words for the same", text, quick.error().message);
        return;
    }
    fuzz::expect(quick->size() == slow->size(), "a check more or less", text);
    for (std::size_t i = 0; i < quick->size(); ++i) fuzz::expect(same((*quick)[i], (*slow)[i]), "another check", text);
}

/// What the skimmer steps over whole, RapidJSON must take.
void skim(std::string_view text) {
    json::skimmer at{text};
    if (!at.value()) return;
    at.skip_blanks();
    if (!at.at_end()) return;
    rapidjson::MemoryStream stream{text.data(), text.size()};
    rapidjson::BaseReaderHandler<> nobody;
    rapidjson::Reader reader;
    const bool sound = !reader.Parse<json::detail::reader_flags>(stream, nobody).IsError();
    fuzz::expect(sound && stream.Tell() == text.size(), "skimmed, and no JSON", text);
}

/// The node, and what a watch writes to its handler.
void run(std::string_view bytes) {
    using json::detail::check_layout;
    fuzz::parts script{bytes};
    const std::string node{script.next()};
    const own_checks own{node, {}, {}};
    const std::string_view text = script.rest();
    const auto slow = json::detail::read_checks(text, check_layout::list, own);
    const auto found = json::snapshot{text}.checks_of(own);
    expect_same(found, slow, text);
    const auto whole = json::snapshot::read(text);
    const auto nobody = json::detail::read_checks(text, check_layout::list, {});
    fuzz::expect(whole.has_value() == nobody.has_value(), "read, and not JSON", text);
    if (whole) expect_same(whole->checks_of(own), slow, text);
    for (const char c : heal::ignored_text(text, own, bad_state::critical)) {
        fuzz::expect(c == '\n' || static_cast<unsigned char>(c) >= 0x20, "told with a control character", text);
    }
    if (found) {
        fuzz::expect(whole.has_value(), "checks of what cannot be read", text);
        for (const auto& each : *found) {
            fuzz::expect(own.hold(each) && !each.check_id.empty() && !each.status.empty() &&
                             !each.service_name.empty() && !each.service_id.empty(),
                         "not a check of this node", text);
            fuzz::expect(each.output.size() <= longest_check_output, "too long an output", text);
            fuzz::expect(is_utf8(each.check_id) && is_utf8(each.service_name), "not UTF-8", text);
        }
    }
    for (const auto& each : {json::decode_agent_checks(text), slow}) {
        if (!each)
            fuzz::expect(each.error().code == errc::bad_data && !each.error().message.empty(), "no reason", text);
    }
    if (const auto one = json::decode_check(text)) fuzz::expect(!one->service_name.empty(), "of no service", text);
    skim(text);
    // Whatever an output says, only a check's own last line makes it unproven.
    const std::string output{text};
    if (is_unproven(output)) {
        fuzz::expect(!is_unproven(output + "\nCRITICAL - all is known"), "an old line counts", text);
    }
}

const fuzz::enlisted here{"snapshot", run};

}  // namespace
