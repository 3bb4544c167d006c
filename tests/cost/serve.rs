//! A server that does next to nothing: it reads a request and writes the same 1.2 KB user record.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::Outcome;

pub(crate) const TOKEN: &str = "3f9a1c7be2d84056a1b7c9d0e4f52683";
pub(crate) const USER_ID: &str = "manager4711";

const RECORD: &str = r#"{"errcode":0,"errmsg":"ok","result":{"active":true,"admin":false,"avatar":"https://static-legacy.dingtalk.com/media/lADPDfYH2SxAmhQNAQDNAQA_256_256.jpg","boss":false,"dept_id_list":[1,537826251,537826252],"dept_order_list":[{"dept_id":1,"order":176332448111000201},{"dept_id":537826251,"order":176332448111000202},{"dept_id":537826252,"order":176332448111000203}],"email":"linxia@example.com","exclusive_account":false,"extension":"{\"team\":\"platform\",\"desk\":\"4F-17\"}","hide_mobile":false,"hired_date":1597573616828,"job_number":"004711","leader_in_dept":[{"dept_id":1,"leader":false},{"dept_id":537826251,"leader":true},{"dept_id":537826252,"leader":false}],"manager_userid":"manager0001","mobile":"13900000427","name":"林夏","org_email":"linxia@corp.example.com","real_authed":true,"remark":"on site on Mondays","role_list":[{"group_name":"默认","id":1507113578,"name":"主管理员"},{"group_name":"职务","id":1507113579,"name":"负责人"}],"senior":false,"state_code":"86","telephone":"010-86123456-2345","title":"技术总监","union_emp_ext":{},"unionid":"Qm7ZpXk2iiTgR9sVbLhUaGQiEiE","userid":"manager4711","work_place":"未来park"},"request_id":"16l4ew3d47pdp"}"#;

/// Prints its origin and serves until it is killed or its standard input ends.
pub(crate) fn forever() -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("http://{}", listener.local_addr()?);
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    accept(&listener);
    Ok(())
}

fn accept(listener: &TcpListener) {
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || {
            let _ = answer(&stream);
        });
    }
}

fn answer(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let response = format!(
        "HTTP/1.1 200 OK\r\nServer: DingTalk/1.0.0\r\nContent-Type: application/json;charset=UTF-8\r\n\
         Content-Length: {}\r\n\r\n{RECORD}",
        RECORD.len()
    );
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    loop {
        let mut length = 0;
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line == "\r\n" {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
        (&mut &*stream).write_all(response.as_bytes())?;
    }
}
