//! A company of any size out of a number: the same number gives the same people.

use crate::company::{Company, Department, Person, ROOT};
use crate::rng::scattered;

const FAMILY: [&str; 24] = [
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林",
    "何", "郭", "马", "罗", "梁", "宋", "郑", "谢",
];
const GIVEN: [&str; 32] = [
    "伟", "芳", "娜", "敏", "静", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明", "超",
    "霞", "平", "刚", "桂英", "文", "辉", "玲", "鑫", "宇", "晨", "子涵", "一诺", "雨桐", "浩然",
    "梓萱", "思源",
];
const TITLES: [&str; 8] =
    ["工程师", "高级工程师", "产品经理", "测试工程师", "设计师", "运营", "销售", "客服"];
const FIRST_DEPARTMENT: i64 = 700_000_001;
/// People in one department, about.
const TEAM: usize = 25;

/// Adds so many people in departments of about twenty-five, in a tree below the root.
pub(crate) fn populate(company: &mut Company, people: usize, seed: u64) {
    let teams = i64::try_from(people.div_ceil(TEAM)).unwrap_or(i64::MAX);
    for team in 0..teams {
        // Eight below each: a tree that is as deep as a real one.
        let parent = if team == 0 { ROOT } else { FIRST_DEPARTMENT + (team - 1) / 8 };
        let name = format!("第{}组", team + 1);
        company.add_department(
            Department::new(FIRST_DEPARTMENT + team, name, parent)
                .english_name(format!("Team {}", team + 1)),
        );
    }
    for at in 0..people {
        company.add_person(person(at, seed));
    }
}

fn person(at: usize, seed: u64) -> Person {
    let mut dice = scattered(seed ^ scattered(at as u64));
    let mut pick = |from: usize| {
        dice = scattered(dice.wrapping_add(1));
        usize::try_from(dice % from as u64).unwrap_or(0)
    };
    let name = format!("{}{}", FAMILY[pick(FAMILY.len())], GIVEN[pick(GIVEN.len())]);
    let title = TITLES[pick(TITLES.len())];
    let team = at / TEAM;
    let department = FIRST_DEPARTMENT + i64::try_from(team).unwrap_or(0);
    let leader = team * TEAM;
    let person = Person::new(user_id(at), name)
        // 170 and 8 digits: a range of its own, so that nobody shares a number with the demo company.
        .mobile(format!("170{:08}", at % 100_000_000))
        .email(format!("{}@example.com", user_id(at)))
        .job_number(format!("P{:06}", at + 1))
        .title(title)
        .hired(1_400_000_000_000 + i64::try_from(pick(3_000)).unwrap_or(0) * 86_400_000);
    if at == leader {
        person.leads(department)
    } else {
        person.manager(user_id(leader)).department(department)
    }
}

fn user_id(at: usize) -> String {
    format!("p{:06}", at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;
    use crate::documents::PersonDoc;

    fn company(people: usize, seed: u64) -> Company {
        let mut company = demo::empty_company();
        populate(&mut company, people, seed);
        company
    }

    #[test]
    fn the_same_seed_makes_the_same_company_and_another_one_another() {
        let told = |seed| {
            company(300, seed)
                .everybody()
                .map(|person| format!("{:?}", PersonDoc::of(person)))
                .collect::<Vec<_>>()
        };
        assert_eq!(told(1), told(1));
        assert_ne!(told(1), told(2));
    }

    #[test]
    fn everybody_is_found_by_number_and_sits_in_a_department_that_exists() {
        let company = company(1_000, 1);
        assert_eq!(company.everybody().count(), 1_000);
        for person in company.everybody() {
            assert!(
                company
                    .by_mobile(&person.mobile)
                    .is_some_and(|found| found.user_id == person.user_id)
            );
            assert!(person.memberships.iter().all(|seat| seat.department >= FIRST_DEPARTMENT));
        }
        assert!(company.path_up(FIRST_DEPARTMENT + 39).len() >= 3);
        assert!(company.departments.len() == 41);
    }
}
