# Databases, caches, functions, containers.
resource "aws_vpc" "v" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "s" {
  count      = 2
  vpc_id     = aws_vpc.v.id
  cidr_block = "10.0.${count.index}.0/24"
}

resource "aws_security_group" "g" {
  vpc_id = aws_vpc.v.id
}

resource "aws_db_subnet_group" "d" {
  subnet_ids = aws_subnet.s[*].id
}

resource "aws_db_subnet_group" "named" {
  name       = "named"
  subnet_ids = [aws_subnet.s[0].id]
}

resource "aws_elasticache_subnet_group" "named" {
  name       = "named"
  subnet_ids = [aws_subnet.s[1].id]
}

resource "aws_db_instance" "d" {
  engine                 = "postgres"
  db_subnet_group_name   = aws_db_subnet_group.d.name
  vpc_security_group_ids = [aws_security_group.g.id]
}

resource "aws_db_instance" "open" {
  engine               = "mysql"
  port                 = 3307
  publicly_accessible  = true
  network_type         = "DUAL"
  db_subnet_group_name = "named"
}

resource "aws_db_instance" "replica" {
  replicate_source_db = aws_db_instance.d.identifier
}

resource "aws_rds_cluster" "c" {
  engine                 = "aurora-postgresql"
  db_subnet_group_name   = aws_db_subnet_group.d.name
  vpc_security_group_ids = [aws_security_group.g.id]
}

resource "aws_rds_cluster_instance" "c" {
  count              = 2
  cluster_identifier = aws_rds_cluster.c.id
  engine             = "aurora-postgresql"
}

resource "aws_rds_cluster" "alone" {
  engine = "mysql"
}

resource "aws_elasticache_replication_group" "r" {
  subnet_group_name  = "named"
  security_group_ids = [aws_security_group.g.id]
}

resource "aws_redshift_cluster" "r" {
  vpc_security_group_ids = [aws_security_group.g.id]
}

resource "aws_lambda_function" "f" {
  vpc_config {
    subnet_ids         = aws_subnet.s[*].id
    security_group_ids = [aws_security_group.g.id]
  }
}

resource "aws_lambda_function" "outside" {
  environment {
    variables = { GROUP = aws_security_group.g.id }
  }
}

resource "aws_ecs_service" "e" {
  network_configuration {
    subnets          = [aws_subnet.s[0].id]
    assign_public_ip = true
  }
}

resource "aws_eks_cluster" "k" {
  name = "k"
  vpc_config {
    subnet_ids         = [aws_subnet.s[0].id]
    security_group_ids = [aws_security_group.g.id]
  }
}

resource "aws_eks_node_group" "k" {
  cluster_name = aws_eks_cluster.k.name
  subnet_ids   = [aws_subnet.s[0].id]
}

resource "aws_efs_mount_target" "m" {
  subnet_id = aws_subnet.s[0].id
}

resource "aws_vpc_endpoint" "logs" {
  vpc_id             = aws_vpc.v.id
  service_name       = "com.amazonaws.eu-west-1.logs"
  vpc_endpoint_type  = "Interface"
  subnet_ids         = aws_subnet.s[*].id
  security_group_ids = [aws_security_group.g.id]
}
