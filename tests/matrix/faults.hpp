// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/subscriber.hpp>

#include <memory>
#include <string_view>
#include <vector>

namespace tidings::matrix {

/// What a bad transport might do. Those with a number do it to the seventh event, the others to
/// all.
enum class fault {
    none,
    drop,
    repeat,
    repeat_late,  ///< after the ninth
    swap,         ///< with the eighth
    alter_byte,
    truncate,  ///< data, after 64 KiB
    lose_data,
    lose_empty_data,
    invent_data,
    reformat_json,
    turn_cr_into_lf,
    replace_ill_formed,  ///< data becomes UTF-8
    lose_extension,
    alter_extension,
    invent_extension,
    lose_subject,
    round_time,  ///< to milliseconds
    alter_id,
    alter_type,
    alter_source,
    alter_schema,
    lose_parameters,  ///< of the content type
    alter_topic,
    forget_origin,
    hide_closed,
    hide_unsubscribed,
    lose_completion,
    keep,  ///< holds on to events after all is over
};

/// Where it stands: in front of the transport, or behind it.
enum class place { before, after };

struct plan {
    fault planted = fault::none;
    place where = place::before;
};

/// Events of this topic pass untouched.
inline constexpr std::string_view end_topic = "matrix.end";

/// Stands in front of a subscriber and does it. `executor` is that of the context.
std::shared_ptr<subscriber> with_fault(fault f, std::shared_ptr<subscriber> inner,
                                       net::any_io_executor executor);

/// Lets go of what `fault::keep` holds.
void release_kept();

}  // namespace tidings::matrix
